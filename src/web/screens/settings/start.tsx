import { Anchor, Button, Text } from '@mantine/core';
import { IconCircleCheckFilled, IconCircleDashed } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import type { Start } from '../../../contracts/start.ts';
import { Page, Sheet } from '../../parts/page.tsx';
import { Loaded } from '../../parts/states.tsx';
import { useApi } from '../../query.ts';
import { useMay } from '../../session.ts';
import classes from './start.module.css';

/** The first steps, on a page of their own: to look again when all is done. */
export default function FirstRun() {
  const query = useApi<Start>('/start');
  return (
    <Page
      title="Первый запуск"
      back={{ to: '/settings', words: 'К настройкам' }}
      words="Шаги отмечаются сами, когда сделаны."
      width="read"
    >
      <Loaded query={query}>
        {(start) => (
          <Sheet>
            <Steps steps={start.steps} />
          </Sheet>
        )}
      </Loaded>
    </Page>
  );
}

/** On top of the settings what is still to do, until everything is done; for whoever sets up. */
export function StartSheet() {
  const may = useMay()('settings');
  const { data } = useApi<Start>('/start', undefined, { enabled: may, retry: false });
  if (!data || data.isDone) return null;
  const left = data.steps.filter(({ isDone }) => !isDone);
  return (
    <Sheet
      title="Первый запуск"
      aside={
        <Anchor component={Link} to="/settings/start" size="sm">
          Сделано {data.steps.length - left.length} из {data.steps.length}
        </Anchor>
      }
    >
      <Steps steps={left} />
    </Sheet>
  );
}

function Steps({ steps }: { steps: Start['steps'] }) {
  const next = steps.find(({ isDone }) => !isDone)?.key;
  return (
    <ol className={classes.steps}>
      {steps.map(({ key, title, isDone, told, href, action }) => (
        <li key={key} className={classes.step} data-done={isDone || undefined}>
          {isDone ? (
            <IconCircleCheckFilled size={22} className={classes.done!} aria-hidden />
          ) : (
            <IconCircleDashed size={22} className={classes.left!} aria-hidden />
          )}
          <div className={classes.words}>
            <Text size="sm" fw={600}>
              {title}
              <span className="heard">{isDone ? ', сделано' : ', не сделано'}</span>
            </Text>
            <Text size="sm" c="dimmed">
              {told}
            </Text>
          </div>
          {key === next ? (
            <Button component={Link} to={href} size="xs">
              {action}
            </Button>
          ) : (
            <Anchor component={Link} to={href} size="sm">
              {action}
              <span className="heard">: {title}</span>
            </Anchor>
          )}
        </li>
      ))}
    </ol>
  );
}

import { Button, Group, Text } from '@mantine/core';
import { IconAlertTriangle, IconCircleCheck, IconCircleX, IconRobot } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import type { Feed, FeedCheckAnswer } from '../../../contracts/feeds.ts';
import { api } from '../../api.ts';
import { Sheet } from '../../parts/page.tsx';
import { ProblemAlert } from '../../parts/problem.tsx';
import { Waiting } from '../../parts/states.tsx';
import { clock, counted, formatNumber } from '../../words.ts';
import classes from './feeds.module.css';
import { sizeWords } from './parts.tsx';

const SIGNS = {
  ok: { icon: IconCircleCheck, words: 'В порядке:' },
  warning: { icon: IconAlertTriangle, words: 'Предупреждение:' },
  error: { icon: IconCircleX, words: 'Ошибка:' },
} as const;

/** Fetches the feed by its public address and shows what a board's robot would see. */
export function Check({ feed }: { feed: Feed }) {
  const check = useMutation({
    mutationFn: () => api.send<FeedCheckAnswer>('POST', `/feeds/${feed.id}/check`),
    meta: { isTold: true },
  });
  return (
    <Sheet
      title="Проверить как доска"
      aside={
        <Button
          variant="default"
          leftSection={<IconRobot size={16} aria-hidden />}
          loading={check.isPending}
          onClick={() => check.mutate()}
        >
          {check.data ? 'Проверить ещё раз' : 'Проверить'}
        </Button>
      }
    >
      <Text size="sm" c="dimmed" mb="xs">
        Заберём фид по его адресу снаружи, без паролей и подсказок, и проверим файл схемой и требованиями доски. В
        журнал обращений досок это не попадает.
      </Text>
      {check.isPending && <Waiting words="Большой фид забирается и проверяется до полутора минут." />}
      <ProblemAlert error={check.error} onRetry={() => check.mutate()} />
      <div aria-live="polite">{check.data && !check.isPending && <Result check={check.data} />}</div>
    </Sheet>
  );
}

function Result({ check: { at, answer, findings, file } }: { check: FeedCheckAnswer }) {
  const errors = findings.filter(({ state }) => state === 'error').length;
  const warnings = findings.filter(({ state }) => state === 'warning').length;
  const order = { error: 0, warning: 1, ok: 2 } as const;
  return (
    <>
      <Text size="sm" fw={500} mb={6}>
        {clock(at)}:{' '}
        {errors > 0
          ? `так доска фид не возьмёт: ${counted(errors, 'ошибка', 'ошибки', 'ошибок')}`
          : warnings > 0
            ? `файл в порядке, но есть ${counted(warnings, 'предупреждение', 'предупреждения', 'предупреждений')}`
            : 'доска возьмёт этот фид'}
      </Text>
      <ul className={classes.findings}>
        {findings
          .toSorted((a, b) => order[a.state] - order[b.state])
          .map(({ check, state, words }) => {
            const { icon: Icon, words: sign } = SIGNS[state];
            return (
              <li key={check} className={classes.finding}>
                <span className={classes.sign} data-state={state}>
                  <Icon size={17} aria-hidden />
                  <span className="heard">{sign}</span>
                </span>
                <Text size="sm">{words}</Text>
              </li>
            );
          })}
      </ul>
      {answer && (
        <Group gap="md" mt="xs">
          <Text size="xs" c="dimmed">
            Целиком за {formatNumber(answer.totalMs / 1000)} с, {sizeWords(answer.bytes)}
            {answer.gzipBytes !== null && `, сжатым ${sizeWords(answer.gzipBytes)}`}
          </Text>
        </Group>
      )}
      {file && file.problems.length > 0 && (
        <details>
          <summary>
            Замечания к файлу: {counted(file.blocking, 'ошибка', 'ошибки', 'ошибок')},{' '}
            {counted(file.advisory, 'совет', 'совета', 'советов')}
          </summary>
          <ul>
            {file.problems.map((problem) => (
              <li key={`${problem.line} ${problem.code} ${problem.xpath}`}>
                <Text size="sm">
                  строка {formatNumber(problem.line)}
                  {problem.listing && `, объявление ${problem.listing}`}: {problem.message}
                </Text>
              </li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
}

import { Anchor, Text } from '@mantine/core';
import { IconCircleCheck } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import type { Case } from '../../../contracts/moderation.ts';
import { Notices, noticeCount } from '../../parts/notices.tsx';
import { momentNear, roubles } from '../../words.ts';
import classes from './moderation.module.css';

/** Beside the difference: what the boards say, what it costs, what it looks like, what was said before. */
export function Checks({ shown }: { shown: Case }) {
  const { boards, duplicates, history, dayKopecks, idleKopecks, lostKopecks } = shown;
  return (
    // It scrolls, and the keyboard must be able to.
    // biome-ignore lint/a11y/noNoninteractiveTabindex: see above
    <aside className={classes.checks} aria-label="Проверки" tabIndex={0}>
      <Block title="Проверки">
        {boards.length === 0 && <Text size="sm">На выгрузку не отмечен.</Text>}
        {boards.map((board) => (
          <div key={board.cabinetId} className={classes.board}>
            <Text size="sm" fw={600}>
              {board.name}
            </Text>
            <Text size="xs" c="dimmed">
              {board.approvalLabel}
              {board.outcomeLabel && `; ${board.outcomeLabel}`}
            </Text>
            {board.notices.length === 0 ? (
              <span className={classes.clean}>
                <IconCircleCheck size={16} aria-hidden /> замечаний нет
              </span>
            ) : (
              <>
                <Text size="xs" c="dimmed">
                  {noticeCount(board.notices)}
                </Text>
                <Notices notices={board.notices} />
              </>
            )}
          </div>
        ))}
      </Block>
      {duplicates.length > 0 && (
        <Block title="Похоже на дубль">
          <ul className={classes.plain}>
            {duplicates.map(({ id, externalId, heading, agent, why }) => (
              <li key={id}>
                <Anchor href={`/listings/${id}`} size="sm" underline="always">
                  {externalId} · {heading}
                </Anchor>
                <Text size="xs" c="dimmed">
                  {[why, agent].filter(Boolean).join(' · ')}
                </Text>
              </li>
            ))}
          </ul>
        </Block>
      )}
      <Block title="Стоимость">
        {dayKopecks === 0 ? (
          <Text size="sm">Бесплатно или тарифа ещё нет.</Text>
        ) : (
          <>
            <Text size="sm">{roubles(dayKopecks)} в день</Text>
            {idleKopecks > 0 ? (
              <Text size="xs" c="dimmed">
                Простаивает {roubles(idleKopecks)} в день, уже {roubles(lostKopecks)}
              </Text>
            ) : (
              <Text size="xs" c="dimmed">
                Ожидание ничего не стоит: на доске прежний вариант.
              </Text>
            )}
          </>
        )}
      </Block>
      {history.length > 0 && (
        <Block title="Решения">
          <ul className={classes.plain}>
            {history.map(({ id, label, by, at, texts, isUndone }) => (
              <li key={id}>
                <Text size="sm">
                  {label}
                  {isUndone && ', отменено'}
                </Text>
                <Text size="xs" c="dimmed">
                  {by}, {momentNear(at)}
                </Text>
                {texts.map((text) => (
                  <Text key={text} size="xs">
                    {text}
                  </Text>
                ))}
              </li>
            ))}
          </ul>
        </Block>
      )}
    </aside>
  );
}

function Block({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className={classes.block}>
      <h3 className={classes.blockTitle}>{title}</h3>
      {children}
    </section>
  );
}

import { Anchor, List, Text } from '@mantine/core';
import { IconAlertTriangle, IconCircleX } from '@tabler/icons-react';
import { useParams } from '@tanstack/react-router';
import type { Rule } from '../../contracts/diagnostics.ts';
import { Chip } from '../parts/chip.tsx';
import { Page, Sheet } from '../parts/page.tsx';
import { Loaded } from '../parts/states.tsx';
import { Way } from '../parts/way.tsx';
import { useApi } from '../query.ts';
import { cabinetName, day, objects } from '../words.ts';

/** What stands behind the code of a notice: the demand, its source, an example. */
export default function RuleScreen() {
  const { board, code } = useParams({ strict: false }) as { board: string; code: string };
  const rule = useApi<Rule>(`/rules/${board}/${code}`);
  const told = rule.data;
  return (
    <Page
      title={told ? `${told.of}: ${told.label}` : 'Требование'}
      back={{ to: '/diagnostics', words: 'К диагностике' }}
      words={`${board}/${code}`}
      width="read"
      aside={
        told &&
        (told.severity === 'blocking' ? (
          <Chip tone="error" icon={IconCircleX} words="без этого не выйдет" />
        ) : (
          <Chip tone="money" icon={IconAlertTriangle} words="совет" />
        ))
      }
    >
      <Loaded query={rule}>
        {(of) => (
          <>
            <Sheet title="Что требуется">
              {of.demands.map(({ sentence, audience }) => (
                <div key={`${sentence} ${audience}`}>
                  <Text>{sentence}</Text>
                  {audience !== null && (
                    <Text size="sm" c="dimmed" mb="xs">
                      Для чего: {audience}
                    </Text>
                  )}
                </div>
              ))}
              <Text size="sm" mt="xs">
                Исправляет {of.fixedByLabel}.
              </Text>
            </Sheet>
            <Sheet title="Откуда это">
              <Text>
                {of.source.url === null ? (
                  of.source.title
                ) : (
                  <Anchor href={of.source.url} target="_blank" rel="noreferrer">
                    {of.source.title}
                  </Anchor>
                )}
              </Text>
              <Text size="sm" c="dimmed">
                {of.source.grade}; сверено {day(of.checkedOn)}
              </Text>
            </Sheet>
            {of.example && (
              <Sheet title="Пример">
                <Text>{of.example.message}</Text>
                <Way href={`/listings/${of.example.listing}`}>{of.example.title}</Way>
              </Sheet>
            )}
            <Sheet title="Сейчас мешает">
              {of.marks.length === 0 ? (
                <Text size="sm">Никому из ваших объектов.</Text>
              ) : (
                <List size="sm">
                  {of.marks.map(({ cabinet, marks, listings }) => (
                    <List.Item key={cabinet.id}>
                      <Way href={listings}>
                        {cabinetName(cabinet)}: {objects(marks)}
                      </Way>
                    </List.Item>
                  ))}
                </List>
              )}
            </Sheet>
          </>
        )}
      </Loaded>
    </Page>
  );
}

import { Anchor, Group, SegmentedControl, Table, Text } from '@mantine/core';
import { IconAlertTriangle, IconExternalLink, IconX } from '@tabler/icons-react';
import { Link, useParams } from '@tanstack/react-router';
import type { RuleLine, RulesAnswer } from '../../../contracts/settings.ts';
import { Chip } from '../../parts/chip.tsx';
import { SearchInput } from '../../parts/fields.tsx';
import { Page, Sheet } from '../../parts/page.tsx';
import { Empty, Loaded } from '../../parts/states.tsx';
import { useApi } from '../../query.ts';
import { oneOf, useAddress } from '../../router.tsx';
import { day, formatNumber } from '../../words.ts';
import { FAMILIES } from './boards.tsx';
import classes from './settings.module.css';

const VIEWS = [
  { value: 'all', label: 'Все' },
  { value: 'stops', label: 'Останавливают сейчас' },
  { value: 'blocking', label: 'Обязательные' },
  { value: 'advisory', label: 'Советы' },
] as const;

/** What one board demands, from where it is known, and how many listings that stops now. */
export default function Rules() {
  const { board } = useParams({ strict: false }) as { board: string };
  const query = useApi<RulesAnswer>(`/boards/${encodeURIComponent(board)}/rules`);
  const [{ q, view }, change] = useAddress((raw) => ({
    q: oneOf(raw.q) ?? '',
    view: VIEWS.find(({ value }) => value === oneOf(raw.view))?.value ?? 'all',
  }));
  const answer = query.data;
  return (
    <Page
      title={answer ? `Требования: ${answer.board.name}` : 'Требования доски'}
      back={{ to: '/settings/boards', words: 'К доскам' }}
      words={
        answer && (
          <>
            {answer.board.status} Сверено {day(answer.board.checkedOn)}.
            {answer.board.site && (
              <>
                {' '}
                <Anchor href={answer.board.site} target="_blank" rel="noreferrer" size="sm" underline="always">
                  Сайт доски <IconExternalLink size={12} aria-hidden />
                </Anchor>
              </>
            )}
          </>
        )
      }
    >
      <Group gap="sm">
        <SearchInput label="Найти требование" value={q} onChange={(next) => change({ q: next }, { replace: true })} />
        <SegmentedControl
          aria-label="Какие требования"
          value={view}
          onChange={(next) => change({ view: next === 'all' ? undefined : next }, { replace: true })}
          data={[...VIEWS]}
        />
      </Group>
      <Loaded query={query}>
        {({ data }) => {
          const shown = together(data.filter((rule) => isShown(rule, view, q)));
          return shown.length === 0 ? (
            <Empty
              kind="filter"
              title={view === 'stops' && q === '' ? 'Сейчас ничто не останавливает' : 'Таких требований нет'}
              words={view === 'stops' && q === '' ? 'Все отмеченные объекты подходят доске.' : 'Измените отбор.'}
              action={{
                words: 'Показать все',
                onClick: () => change({ q: undefined, view: undefined }, { replace: true }),
              }}
            />
          ) : (
            <Sheet>
              <div className={classes.scroll}>
                <Table aria-label="Требования" miw={820} verticalSpacing="sm">
                  <Table.Thead>
                    <Table.Tr>
                      <Table.Th>Требование</Table.Th>
                      <Table.Th>Для чего</Table.Th>
                      <Table.Th>Что будет</Table.Th>
                      <Table.Th ta="end">Останавливает</Table.Th>
                      <Table.Th>Откуда известно</Table.Th>
                    </Table.Tr>
                  </Table.Thead>
                  <Table.Tbody>
                    {shown.map((rules) => (
                      <Row key={`${rules[0].code} ${rules[0].sentence}`} rules={rules} />
                    ))}
                  </Table.Tbody>
                </Table>
              </div>
            </Sheet>
          );
        }}
      </Loaded>
    </Page>
  );
}

type Together = [RuleLine, ...RuleLine[]];

/** One demand may be known from several papers, each for its own kinds; what stops most comes first. */
function together(rules: readonly RuleLine[]): Together[] {
  const groups = new Map<string, Together>();
  for (const rule of rules) {
    const key = `${rule.code} ${rule.severity} ${rule.sentence}`;
    const known = groups.get(key);
    if (known) known.push(rule);
    else groups.set(key, [rule]);
  }
  return [...groups.values()].sort(([a], [b]) => (b.stops ?? -1) - (a.stops ?? -1));
}

function isShown({ label, sentence, code, severity, stops }: RuleLine, view: string, q: string): boolean {
  if (view === 'stops' && !stops) return false;
  if ((view === 'blocking' || view === 'advisory') && severity !== view) return false;
  return `${label} ${sentence} ${code}`.toLowerCase().includes(q.toLowerCase());
}

function Row({ rules }: { rules: Together }) {
  const { code, sentence, severity, severityLabel, fixer, stops } = rules[0];
  return (
    <Table.Tr>
      <Table.Th scope="row" fw={400} maw={420}>
        {sentence}
        <Text size="xs" c="dimmed">
          <Anchor component={Link} to={`/rules/${code}`} size="xs" underline="always">
            {code}
          </Anchor>{' '}
          · исправляет {fixer}
        </Text>
      </Table.Th>
      <Table.Td>
        {rules.map(({ scope, families }) => (
          <Text key={`${scope} ${families?.join() ?? ''}`} size="sm">
            {scope}
            {families && `; ${families.map((family) => FAMILIES[family]).join(', ')}`}
          </Text>
        ))}
      </Table.Td>
      <Table.Td>
        <Chip
          tone={severity === 'blocking' ? 'error' : 'money'}
          icon={severity === 'blocking' ? IconX : IconAlertTriangle}
          words={severityLabel}
        />
      </Table.Td>
      <Table.Td ta="end">
        {stops === null ? (
          '–'
        ) : stops === 0 ? (
          '0'
        ) : (
          <Anchor component={Link} to="/listings" search={{ code } as never} size="sm">
            {formatNumber(stops)}
          </Anchor>
        )}
      </Table.Td>
      <Table.Td>
        {[...new Map(rules.map((rule) => [rule.source.title, rule])).values()].map(({ source, checkedOn }) => (
          <Text key={source.title} size="sm">
            {source.url ? (
              <Anchor href={source.url} target="_blank" rel="noreferrer" size="sm">
                {source.title}
              </Anchor>
            ) : (
              source.title
            )}
            , сверено {day(checkedOn)}
          </Text>
        ))}
      </Table.Td>
    </Table.Tr>
  );
}

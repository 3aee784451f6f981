import { type ComboboxData, MultiSelect, NumberInput, Text } from '@mantine/core';
import { useState } from 'react';
import type { ExportReport, ReportChoices } from '../../../contracts/export-report.ts';
import type { BoardColumn } from '../../../contracts/listings.ts';
import {
  GROUPING_LABELS,
  GROUPINGS,
  type Grouping,
  SERIES_LABELS,
  SHARE_USUAL,
  SOURCES_MAX,
  STEPS,
  type Step,
} from '../../../contracts/words.ts';
import { Sheet } from '../../parts/page.tsx';
import { useApi } from '../../query.ts';
import { listOf, oneAmong, oneOf } from '../../router.tsx';
import { Behind, type Place } from './behind.tsx';
import { ByMailButton, ByMailList } from './by-mail.tsx';
import { Numbers } from './numbers.tsx';
import { Picture } from './picture.tsx';
import { Beside, Breakdown, ReportPage, StepChoice, useOpened, useReport, useReportWords } from './report.tsx';
import { Why } from './why.tsx';

/** «Отчёты»: the export chart; the address keeps every choice. */
export default function Reports() {
  const [words, change] = useReportWords((raw) => ({
    step: oneAmong<Step>(STEPS, raw.step, 'week'),
    minShare: oneOf(raw.minShare),
    board: listOf(raw.board),
    cabinet: listOf(raw.cabinet),
    group: listOf(raw.group),
    by: oneAmong<Grouping>(GROUPINGS, raw.by, 'none'),
  }));
  const [report, asked] = useReport<ExportReport>('/reports/exports', words);
  const boards = useApi<{ data: BoardColumn[] }>('/boards', undefined, { staleTime: 60_000 });
  const [place, setPlace] = useOpened<Place>(asked);
  const [why, setWhy] = useOpened<Place>(asked);
  const choices = useApi<ReportChoices>('/reports/choices', undefined, { staleTime: 60_000 });
  return (
    <ReportPage
      here="/reports"
      title="График выгрузки"
      about="Сколько объектов отмечено, выгружено, остановлено ошибками и осталось без денег, шаг за шагом."
      path="/reports/exports"
      files={['xlsx', 'csv', 'png']}
      actions={<ByMailButton query={words} />}
      {...{ words, change, report }}
      choices={
        <>
          <MultiSelect
            label={`Доски или фиды, до ${SOURCES_MAX}`}
            w={{ base: '100%', xs: 320 }}
            maxValues={SOURCES_MAX}
            placeholder={words.board.length + words.cabinet.length === 0 ? 'первые из подключённых' : ''}
            clearable
            value={[...words.board.map((id) => `board:${id}`), ...words.cabinet.map((id) => `cabinet:${id}`)]}
            onChange={(ids) => change({ board: idsOf(ids, 'board:'), cabinet: idsOf(ids, 'cabinet:') })}
            data={sourcesOf(choices.data?.boards ?? [], boards.data?.data ?? [])}
          />
          <StepChoice label="Шаг" value={words.step} change={change} />
          <ShareInput value={Number(words.minShare ?? SHARE_USUAL)} change={change} />
          <Breakdown all={GROUPINGS} labels={GROUPING_LABELS} value={words.by} change={change} />
        </>
      }
      below={
        <>
          <ByMailList />
          <Beside
            of={place}
            onClose={() => setPlace(null)}
            title={({ sourceTitle, label, series, group }) =>
              `${sourceTitle}, ${label}: ${SERIES_LABELS[series]}${group ? `, ${group}` : ''}`
            }
          >
            {({ at, source, series, of }) => (
              <Behind
                address="/reports/exports/members"
                query={{ ...asked, at, source, series, ...(of !== undefined && { of }) }}
              />
            )}
          </Beside>
          <Beside
            of={why}
            onClose={() => setWhy(null)}
            size={520}
            title={({ sourceTitle, label }) => `${sourceTitle}: почему изменилось за ${label}`}
          >
            {(place) => <Why place={place} query={asked} />}
          </Beside>
        </>
      }
    >
      {(answer) => (
        <>
          <Sheet>
            <Picture query={asked} answer={answer} onOpen={setPlace} />
            <Text size="sm" c="dimmed">
              {answer.notes.join(' ')}
            </Text>
          </Sheet>
          {answer.sources.map((source) => (
            <Sheet key={source.id} title={source.note === null ? source.title : `${source.title}: ${source.note}`}>
              <Numbers answer={answer} source={source} onOpen={setPlace} onWhy={setWhy} />
            </Sheet>
          ))}
        </>
      )}
    </ReportPage>
  );
}

interface ShareInputProps {
  readonly value: number;
  readonly change: (patch: { readonly minShare: string }, how: { readonly replace: boolean }) => void;
}

/** The least share of days; whoever clears it and goes sees again what holds. */
function ShareInput({ value, change }: ShareInputProps) {
  const [isCleared, setIsCleared] = useState(false);
  return (
    <NumberInput
      label="Мин. доля дней, %"
      w={140}
      min={0}
      max={100}
      allowDecimal={false}
      value={isCleared ? '' : value}
      onBlur={() => setIsCleared(false)}
      onChange={(share) => {
        setIsCleared(typeof share !== 'number');
        if (typeof share === 'number') change({ minShare: String(share) }, { replace: true });
      }}
    />
  );
}

const idsOf = (ids: readonly string[], prefix: string): string[] =>
  ids.filter((id) => id.startsWith(prefix)).map((id) => id.slice(prefix.length));

/** Boards, and the single feeds of those that have several. */
function sourcesOf(boards: ReportChoices['boards'], columns: readonly BoardColumn[]): ComboboxData {
  const single = columns.filter(({ board }) => columns.filter((one) => one.board === board).length > 1);
  return [
    { group: 'Доски', items: boards.map(({ id, name }) => ({ value: `board:${id}`, label: name })) },
    ...(single.length > 0
      ? [{ group: 'Отдельные фиды', items: single.map(({ id, title }) => ({ value: `cabinet:${id}`, label: title })) }]
      : []),
  ];
}

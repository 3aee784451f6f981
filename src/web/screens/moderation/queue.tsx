import { Button, Checkbox, Text } from '@mantine/core';
import { IconEye, IconMessage, IconMessageCheck } from '@tabler/icons-react';
import { memo, useEffect, useRef } from 'react';
import type { QueueRow } from '../../../contracts/moderation.ts';
import type { Selection } from '../../parts/selection.ts';
import { lasted, listed, moment, roubles } from '../../words.ts';
import classes from './moderation.module.css';

/** Where the focus goes when what it was on is gone. */
export const QUEUE_ID = 'moderation-queue';

interface QueueProps {
  readonly rows: readonly QueueRow[];
  readonly openId: number | null;
  /** The words of the address behind «?»; empty: none. */
  readonly search: string;
  /** Cases are being ticked to be approved together. */
  readonly selection: Selection | null;
  readonly hasMore: boolean;
  readonly onMore: () => void;
  readonly onOpen: (id: number) => void;
}

/** What waits, the dearest first. */
export function Queue({ rows, openId, search, selection, hasMore, onMore, onOpen }: QueueProps) {
  const list = useRef<HTMLOListElement>(null);
  useEffect(() => {
    list.current?.querySelector(`[data-case="${openId}"]`)?.scrollIntoView({ block: 'nearest' });
  }, [openId]);
  const set = selection?.set;
  return (
    <nav aria-label="Очередь" className={classes.queue} id={QUEUE_ID} tabIndex={-1}>
      <ol className={classes.list} ref={list}>
        {rows.map((row) => (
          <Item
            key={row.id}
            row={row}
            search={search}
            isOpen={row.id === openId}
            isPicked={selection?.has(row.id) ?? false}
            onPick={set}
            onOpen={onOpen}
          />
        ))}
      </ol>
      {hasMore && (
        <Button variant="subtle" size="compact-sm" m="xs" onClick={onMore}>
          Показать ещё
        </Button>
      )}
    </nav>
  );
}

interface ItemProps {
  readonly row: QueueRow;
  readonly search: string;
  readonly isOpen: boolean;
  readonly isPicked: boolean;
  readonly onPick: Selection['set'] | undefined;
  readonly onOpen: (id: number) => void;
}

/** Of fifty rows only two change when the next case opens; and the router's own links would all ask where they lead. */
const Item = memo(function Item({ row, search, isOpen, isPicked, onPick, onOpen }: ItemProps) {
  return (
    <li className={classes.item} data-case={row.id} data-open={isOpen || undefined}>
      {onPick && (
        <Checkbox
          size="xs"
          aria-label={`Выбрать ${row.externalId}`}
          checked={isPicked}
          disabled={row.bulk?.refusal !== null}
          onChange={(event) => onPick([row.id], event.currentTarget.checked)}
        />
      )}
      <a
        href={`/moderation/${row.id}${search}`}
        className={classes.row}
        aria-current={isOpen ? 'true' : undefined}
        onClick={(event) => {
          if (event.ctrlKey || event.metaKey || event.shiftKey) return;
          event.preventDefault();
          onOpen(row.id);
        }}
      >
        <Row row={row} isBulk={onPick !== undefined} />
      </a>
    </li>
  );
});

function Row({ row, isBulk }: { row: QueueRow; isBulk: boolean }) {
  const isKept = row.boards.every((board) => board.isKept);
  const looks = row.lookers[0];
  return (
    <>
      <span className={classes.rowHead}>
        <span className={classes.rowName}>{row.heading}</span>
        <span className={classes.rowMoney}>
          {row.idleKopecks > 0 ? (
            <>
              {roubles(row.idleKopecks)}
              <span className="heard"> в день простаивает</span>
            </>
          ) : isKept ? (
            'на доске прежний'
          ) : (
            '—'
          )}
        </span>
      </span>
      <span className={classes.rowLine}>
        <span>{row.words}</span>
        <span>{lasted(row.since)}</span>
      </span>
      {row.bulk && row.bulk.words !== '' && <span className={classes.rowStep}>{row.bulk.words}</span>}
      <span className={classes.rowLine}>
        <span>
          {row.externalId} · {listed(row.boards.map(({ name }) => name))}
        </span>
        <span>{row.agent?.name}</span>
      </span>
      {isBulk && row.bulk?.refusal && <span className={classes.rowNote}>По одному: {row.bulk.refusal}</span>}
      {row.isSample && <span className={classes.rowNote}>Выборка: доверенный агент</span>}
      {row.postponed && (
        <span className={classes.rowNote}>
          {row.postponed.answer !== null ? (
            <IconMessageCheck size={14} aria-hidden />
          ) : row.postponed.question !== null ? (
            <IconMessage size={14} aria-hidden />
          ) : null}
          {row.postponed.answer !== null
            ? `Агент ответил: ${row.postponed.answer}`
            : row.postponed.isOver
              ? `Было отложено: ${row.postponed.by}`
              : `${row.postponed.question === null ? 'Отложено' : 'Ждёт ответа'} до ${moment(row.postponed.until)}, ${row.postponed.by}`}
        </span>
      )}
      {looks && (
        <span className={classes.rowNote}>
          <IconEye size={14} aria-hidden />
          Смотрит {looks.name}
        </span>
      )}
    </>
  );
}

interface BulkBarProps {
  readonly words: string;
  readonly rows: readonly QueueRow[];
  readonly selection: Selection;
  readonly isBusy: boolean;
  readonly onApprove: (rows: readonly QueueRow[]) => void;
}

/** Approves the ticked cases of one kind. */
export function BulkBar({ words, rows, selection, isBusy, onApprove }: BulkBarProps) {
  const possible = rows.filter(({ bulk }) => bulk?.refusal === null);
  const picked = possible.filter(({ id }) => selection.has(id));
  return (
    <div className={classes.bulk} role="toolbar" aria-label="Одобрить списком">
      <Text size="sm">
        {words}: выбрано {picked.length} из {possible.length}
      </Text>
      <div className={classes.bulkButtons}>
        <Button
          size="xs"
          variant="default"
          disabled={possible.length === 0}
          onClick={() =>
            selection.set(
              possible.map(({ id }) => id),
              picked.length < possible.length,
            )
          }
        >
          {picked.length < possible.length || possible.length === 0 ? 'Выбрать все' : 'Снять выбор'}
        </Button>
        <Button size="xs" disabled={picked.length === 0} loading={isBusy} onClick={() => onApprove(picked)}>
          Одобрить {picked.length > 0 && picked.length}
        </Button>
      </div>
    </div>
  );
}

import { Anchor, Text } from '@mantine/core';
import { IconAlertTriangle, IconCircleX } from '@tabler/icons-react';
import { useId } from 'react';
import type { Notice } from '../../contracts/words.ts';
import { FIXER_LABELS } from '../../contracts/words.ts';
import { counted } from '../words.ts';
import classes from './notices.module.css';

/** A notice with the board it comes from, where several are told together. */
export type ToldNotice = Pick<Notice, 'code' | 'severity' | 'field' | 'label' | 'message' | 'fixedBy'> & {
  readonly boardName?: string;
};

interface NoticesProps {
  readonly notices: readonly ToldNotice[];
  /** Goes to the field: each notice becomes a button. */
  readonly onOpen?: (notice: ToldNotice) => void;
  /** Tell who puts it right, where it is not the reader. */
  readonly withFixer?: boolean;
}

/** Remarks in one list: those that keep the listing off the board first. The words are those beside the field. */
export function Notices({ notices, onOpen, withFixer = false }: NoticesProps) {
  const sorted = notices.toSorted((a, b) => Number(b.severity === 'blocking') - Number(a.severity === 'blocking'));
  return (
    <ul className={classes.list}>
      {sorted.map((notice) => (
        <li key={`${notice.code} ${notice.field} ${notice.boardName ?? ''}`} className={classes.notice}>
          <Sign severity={notice.severity} />
          <div>
            {onOpen ? (
              <Anchor component="button" type="button" size="sm" ta="left" onClick={() => onOpen(notice)}>
                {notice.message}
              </Anchor>
            ) : (
              <Text size="sm">{notice.message}</Text>
            )}
            {(notice.boardName || withFixer) && (
              <Text size="xs" c="dimmed">
                {[notice.boardName, withFixer && `исправляет ${FIXER_LABELS[notice.fixedBy]}`]
                  .filter(Boolean)
                  .join(' · ')}
              </Text>
            )}
          </div>
        </li>
      ))}
    </ul>
  );
}

function Sign({ severity }: { severity: Notice['severity'] }) {
  const isBlocking = severity === 'blocking';
  const Icon = isBlocking ? IconCircleX : IconAlertTriangle;
  return (
    <span className={classes.sign} data-severity={severity}>
      <Icon size={17} aria-hidden />
      <span className="heard">{isBlocking ? 'Ошибка:' : 'Совет:'}</span>
    </span>
  );
}

/** The notices of one field, under it. */
export function FieldNotices({ notices, field }: { notices: readonly ToldNotice[]; field: string }) {
  const mine = notices.filter((notice) => notice.field === field);
  return mine.length === 0 ? null : <Notices notices={mine} />;
}

interface NoticeSummaryProps {
  readonly title: string;
  readonly notices: readonly ToldNotice[];
  readonly onOpen: (notice: ToldNotice) => void;
}

/** Above a form: what is to be put right, each line leads to its field. */
export function NoticeSummary({ title, notices, onOpen }: NoticeSummaryProps) {
  const id = useId();
  if (notices.length === 0) return null;
  return (
    <section className={classes.summary} aria-labelledby={id}>
      <Text id={id} component="h2" size="sm" fw={600} mb={6}>
        {title}
      </Text>
      <Notices notices={notices} onOpen={onOpen} />
    </section>
  );
}

/** «2 ошибки, 1 совет». */
export function noticeCount(notices: readonly Pick<Notice, 'severity'>[]): string {
  const blocking = notices.filter((notice) => notice.severity === 'blocking').length;
  const advisory = notices.length - blocking;
  return [
    blocking > 0 && counted(blocking, 'ошибка', 'ошибки', 'ошибок'),
    advisory > 0 && counted(advisory, 'совет', 'совета', 'советов'),
  ]
    .filter(Boolean)
    .join(', ');
}

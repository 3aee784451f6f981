import { Button, Text } from '@mantine/core';
import { IconCheck, IconChevronDown, IconChevronRight, IconX } from '@tabler/icons-react';
import { useEffect, useMemo, useState } from 'react';
import type { FormField, ListingCard, ListingCheck } from '../../../contracts/listing.ts';
import type { ToldNotice } from '../../parts/notices.tsx';
import { Sheet } from '../../parts/page.tsx';
import { counted, formatNumber } from '../../words.ts';
import classes from './card.module.css';
import { type Draft, isSame, shownValue } from './draft.ts';
import { CardField } from './field.tsx';

interface FormProps {
  readonly card: ListingCard;
  readonly draft: Draft;
  readonly check: ListingCheck | undefined;
  readonly notices: readonly ToldNotice[];
  readonly isReadOnly: boolean;
  /** The field to be shown, whatever group it hides in. */
  readonly wanted: string | null;
}

/** The listing's fields by groups: those that such a listing has a use for; the others on demand. */
export function CardForm({ card, draft, check, notices, isReadOnly, wanted }: FormProps) {
  const meant = useMemo(() => (check ? new Set(check.meant) : null), [check]);
  const faults = useMemo(() => new Map(check?.faults.map(({ field, message }) => [field, message])), [check]);
  const byField = useMemo(() => {
    const found = new Map<string, ToldNotice[]>();
    for (const notice of notices) found.set(notice.field, [...(found.get(notice.field) ?? []), notice]);
    return found;
  }, [notices]);
  return (
    <>
      {card.groups.map((group) => (
        <FieldGroup
          key={group.id}
          title={group.title}
          isOwn={group.id.startsWith('own-')}
          fields={group.fields.filter(({ type }) => type !== 'photos')}
          draft={draft}
          meant={meant}
          faults={faults}
          byField={byField}
          check={check}
          isReadOnly={isReadOnly}
          wanted={wanted}
        />
      ))}
    </>
  );
}

interface FieldGroupProps {
  readonly title: string;
  /** Fields of one family alone: shown where they say something. */
  readonly isOwn: boolean;
  readonly fields: readonly FormField[];
  readonly draft: Draft;
  readonly meant: ReadonlySet<string> | null;
  readonly faults: ReadonlyMap<string, string>;
  readonly byField: ReadonlyMap<string, readonly ToldNotice[]>;
  readonly check: ListingCheck | undefined;
  readonly isReadOnly: boolean;
  readonly wanted: string | null;
}

const NO_NOTICES: readonly ToldNotice[] = [];

function FieldGroup(props: FieldGroupProps) {
  const { title, isOwn, fields, draft, meant, faults, byField, check, isReadOnly, wanted } = props;
  const [isWhole, setIsWhole] = useState(false);
  const isShown = ({ field, isMeant, value, correction }: FormField) =>
    draft.values.has(field) ||
    value !== null ||
    correction !== null ||
    byField.has(field) ||
    faults.has(field) ||
    (!isOwn && (meant ? meant.has(field) : isMeant));
  const isHiding = fields.some((field) => field.field === wanted && !isShown(field));
  useEffect(() => {
    if (isHiding) setIsWhole(true);
  }, [isHiding]);
  const shown = isWhole ? fields : fields.filter(isShown);
  const hidden = fields.length - fields.filter(isShown).length;
  if (shown.length === 0 && !isOwn && hidden === 0) return null;
  // A whole group that such a listing has no use for is one line.
  const toggle = hidden > 0 && (
    <Button
      size="compact-sm"
      variant="subtle"
      color="gray"
      c="dimmed"
      aria-expanded={isWhole}
      leftSection={isWhole ? <IconChevronDown size={14} aria-hidden /> : <IconChevronRight size={14} aria-hidden />}
      onClick={() => setIsWhole(!isWhole)}
    >
      {isWhole
        ? 'Только нужные поля'
        : shown.length === 0
          ? counted(hidden, 'поле', 'поля', 'полей')
          : `Ещё ${counted(hidden, 'поле', 'поля', 'полей')}`}
    </Button>
  );
  return (
    <Sheet title={title} aside={toggle}>
      {shown.length > 0 && (
        <div className={classes.fields}>
          {shown.map((field) => (
            <CardField
              key={field.field}
              field={field}
              value={shownValue(field, draft)}
              isChanged={draft.values.has(field.field) && !isSame(draft.values.get(field.field), field.value)}
              isKept={draft.keeps.has(field.field)}
              isReadOnly={isReadOnly}
              fault={faults.get(field.field)}
              notices={byField.get(field.field) ?? NO_NOTICES}
              counter={
                check && (field.field === 'title' || field.field === 'description') ? (
                  <Counter field={field.field} check={check} />
                ) : undefined
              }
              onChange={draft.set}
              onKeep={draft.keep}
            />
          ))}
        </div>
      )}
    </Sheet>
  );
}

/** «11 знаков · Авито до 7500 ✓ · Циан 15–3000 ✕»: as the boards count, which is not as the input does. */
function Counter({ field, check }: { field: 'title' | 'description'; check: ListingCheck }) {
  const chars = check.chars[field];
  return (
    <Text component="div" size="xs" c="dimmed" className={classes.counter!} aria-live="off">
      <span>{counted(chars, 'знак', 'знака', 'знаков')}</span>
      {check.bounds
        .filter((bound) => bound.field === field)
        .map(({ boardName, min, max }) => {
          const isGood = (min === null || chars >= min) && (max === null || chars <= max);
          const range =
            min === null ? `до ${formatNumber(max!)}` : max === null ? `от ${formatNumber(min)}` : `${min}–${max}`;
          return (
            <span key={boardName ?? ''} className={classes.bound} data-good={isGood || undefined}>
              {boardName ?? 'агентство'} {range}
              {isGood ? <IconCheck size={13} aria-label="подходит" /> : <IconX size={13} aria-label="не подходит" />}
            </span>
          );
        })}
    </Text>
  );
}

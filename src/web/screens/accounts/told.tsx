import { Anchor, Text } from '@mantine/core';
import { IconAlertTriangle, IconClockExclamation } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import type { Cover } from '../../../contracts/accounts.ts';
import { Chip } from '../../parts/chip.tsx';
import { counted, day } from '../../words.ts';

export const days = (count: number) => counted(count, 'день', 'дня', 'дней');

/** «до 1 декабря», «сегодня не хватает», «больше 60 дней». */
export function coverWords({ state, endsOn, coverDays, until }: Cover): string {
  if (state === 'free') return 'платить не за что';
  if (coverDays === 0) return 'не хватает сегодня';
  if (endsOn === null) return `и после ${day(until)}`;
  return `до ${day(endsOn)}`;
}

/** The same as a sentence: «Хватит до 1 декабря.» */
export function coverSentence(cover: Cover): string {
  if (cover.state === 'free') return 'Платить не за что.';
  if (cover.coverDays === 0) return 'Денег не хватает уже сегодня.';
  return `Хватит ${coverWords(cover)}.`;
}

/** Until when an account lasts; where it is bad a sign says so too. */
export function CoverTold({ cover }: { cover: Cover | null }) {
  if (!cover)
    return (
      <Text component="span" c="dimmed" inherit>
        считаем…
      </Text>
    );
  const words = coverWords(cover);
  const limit = cover.limitedOn && (
    <Text component="span" size="xs" c="dimmed" display="block">
      лимит останавливает с {day(cover.limitedOn)}
    </Text>
  );
  if (cover.state === 'short')
    return (
      <>
        <Chip tone="error" icon={IconAlertTriangle} words={words} />
        {limit}
      </>
    );
  if (cover.state === 'low')
    return (
      <>
        <Chip tone="money" icon={IconClockExclamation} words={words} />
        {limit}
      </>
    );
  return (
    <>
      {cover.state === 'free' ? (
        <Text component="span" c="dimmed" inherit>
          {words}
        </Text>
      ) : (
        words
      )}
      {limit}
    </>
  );
}

interface LinkProps {
  readonly id: number;
  /** Among other words: not told from them by its colour alone. */
  readonly isInText?: boolean;
}

export function ListingLink({ id, externalId, isInText = false }: LinkProps & { externalId: string }) {
  return (
    <Anchor component={Link} to={`/listings/${id}`} inherit underline={isInText ? 'always' : 'hover'}>
      {externalId}
    </Anchor>
  );
}

export function CabinetLink({ id, name, isInText = false }: LinkProps & { name: string }) {
  return (
    <Anchor component={Link} to={`/feeds/${id}`} inherit underline={isInText ? 'always' : 'hover'}>
      {name}
    </Anchor>
  );
}

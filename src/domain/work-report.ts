import type { Outcome } from './gates.ts';

/**
 * «Работа»: how long contents wait for a moderator, what is returned to whom, what is right at the first look, and
 * what lies unconfirmed or below the norms now. The rows are counted here; whose a row is was found out before.
 */

export const WORK_GROUPINGS = ['none', 'branch', 'department', 'employee'] as const;
export type WorkGrouping = (typeof WORK_GROUPINGS)[number];

/** Ages of what waits, each up to so many hours; null: whatever is older. */
export const AGE_BUCKETS = [
  { label: 'до 2 часов', underHours: 2 },
  { label: 'до суток', underHours: 24 },
  { label: 'до 3 суток', underHours: 72 },
  { label: 'дольше', underHours: null },
] as const;

/** Numbers behind which there is a list of listings. */
export const WORK_FIGURES = [
  'decided',
  'accepted',
  'trusted',
  'approved',
  'returned',
  'first',
  'first-right',
  'queue',
  'queue-ready',
  'queue-stopped',
  'marked',
  'stale',
  'judged',
  'photos',
  'texts',
] as const;
export type WorkFigure = (typeof WORK_FIGURES)[number];

/** What each number counts: the same words on the screen, in the files and on the command line. */
export const WORK_WORDS: Record<
  'decided' | 'approval' | 'returns' | 'first' | 'queue' | 'ready' | 'stopped' | 'stale' | 'norms' | 'owners',
  { readonly title: string; readonly definition: string }
> = {
  decided: {
    title: 'Решения модератора',
    definition:
      'Одобрения и возвраты за период, которые дал человек, посмотрев объект; отменённые за десять секунд не считаются. Все числа и таблицы о решениях считают их. Без просмотра, отдельно: принятое при включении модерации (стоявшее тогда в фиде одобрено разом) и одобренное по доверию.',
  },
  approval: {
    title: 'Время до одобрения',
    definition:
      'От первой сборки фида, которая увидела, что содержание отличается от одобренного и ждёт модератора, до одобрения. Считается по часам, с ночами и выходными, вместе с тем, пока объект был отложен или возвращён агенту. Медиана: половина одобрений не дольше; 90 %: девять из десяти не дольше. Одобренное до первой сборки ждать не успело, одобренное по доверию никто не смотрел: их время не считается.',
  },
  returns: {
    title: 'Возвраты',
    definition:
      'Решения «вернуть» за период, кроме отменённых за десять секунд. У одного возврата бывает несколько причин, поэтому по причинам их в сумме больше.',
  },
  first: {
    title: 'С первого раза',
    definition:
      'Объекты, о которых модератор впервые решил в этом периоде, и доля одобренных этим решением без возврата. Принятое при включении модерации и одобренное по доверию первым решением не считается: этого никто не смотрел.',
  },
  queue: {
    title: 'Очередь сейчас',
    definition:
      'Объекты, о содержании которых модератор ещё не решил, и как давно: от первой сборки, которая увидела, что оно ждёт. Объект встаёт в очередь, что бы ещё его ни держало; отложенные и снятые с рынка входят в число.',
  },
  ready: {
    title: 'Ждут только модератора',
    definition:
      'Из очереди: хотя бы на одной доске объект не выходит или стоит в прежнем виде только из-за модератора. Одобренный, он выйдет там или дойдёт до следующей двери: рабочего времени и пауз, дублей, места и денег. Ошибки самой правки, пока на доске стоит прежний вариант, здесь не видны.',
  },
  stopped: {
    title: 'Держит и другое',
    definition:
      'Остальная очередь: на всех досках, где содержание ждёт, объект не выйдет и одобренный: он не на рынке, есть ошибки, он не подтверждён, срок не наступил, стоит пауза, нет места или денег. Что держит, сказано у каждого.',
  },
  stale: {
    title: 'Не подтверждено в срок',
    definition:
      'Из объектов с отметкой на выгрузку, которые сейчас на рынке: доля тех, кого не меняли и не подтверждали дольше срока агентства или чей звонок собственнику просрочен. Исключения не считаются просроченными.',
  },
  norms: {
    title: 'Ниже нормы',
    definition:
      'Из объектов с отметкой на выгрузку, которые проверила последняя сборка: доля тех, у кого требование доски или норма агентства не пропускает фотографии или тексты (заголовок, описание). Советы, которые не мешают выгрузке, не считаются.',
  },
  owners: {
    title: 'Чей объект',
    definition:
      'Решение засчитано тому, кто отвечал за объект в тот день: так записано в истории выгрузки. Если записи о том дне нет (объект тогда не был отмечен, или день ещё не кончился), тому, кто отвечает сейчас. Очередь, срок и нормы считаются по сегодняшним ответственным.',
  },
};

/** A verdict that was not taken back and is in force. */
export interface VerdictFact {
  readonly listingId: number;
  readonly kind: 'approved' | 'returned';
  readonly at: Date;
  /** Since when the content had waited, as a run has seen it; null: no run had seen it wait. */
  readonly pendingSince: Date | null;
  /** Codes, those of a return. */
  readonly reasons: readonly string[];
  /** A person has looked: neither taken over when moderation was switched on, nor approved on trust. */
  readonly isLook: boolean;
  /** Approved on trust. */
  readonly isTrusted: boolean;
  /** The moderator has put something right in it. */
  readonly isCorrected: boolean;
  /** The first look at this listing ever. */
  readonly isFirst: boolean;
}

export interface WaitingFact {
  readonly listingId: number;
  readonly since: Date;
  readonly isPutAside: boolean;
  /** On some board nothing but the moderator keeps it off, or keeps the edit off. */
  readonly isReady: boolean;
  /** What else keeps it off the other boards; off all of them when it is not ready. `published`: the brake. */
  readonly stops: readonly Outcome[];
}

/** A listing that is marked for some board. */
export interface MarkedFact {
  readonly listingId: number;
  readonly isOnMarket: boolean;
  readonly isStale: boolean;
  /** A run has looked at its content. */
  readonly isJudged: boolean;
  readonly hasPhotoNotices: boolean;
  readonly hasTextNotices: boolean;
}

export interface WorkFacts<V = VerdictFact, W = WaitingFact, M = MarkedFact> {
  readonly verdicts: readonly V[];
  readonly waiting: readonly W[];
  readonly marked: readonly M[];
}

interface Ages {
  readonly count: number;
  readonly oldestMinutes: number | null;
  readonly medianMinutes: number | null;
}

/** Minutes are whole and rounded down. */
export interface WorkFigures {
  /** What a person has looked at and approved or returned; beside it, what nobody has looked at. */
  readonly decided: {
    readonly count: number;
    readonly approved: number;
    readonly accepted: number;
    readonly trusted: number;
  };
  readonly approval: {
    readonly count: number;
    readonly medianMinutes: number | null;
    readonly p90Minutes: number | null;
    /** Approved by a person before any run had seen it wait. */
    readonly unmeasured: number;
  };
  readonly returns: {
    readonly count: number;
    readonly byReason: readonly { readonly code: string; readonly count: number }[];
  };
  readonly first: { readonly count: number; readonly right: number; readonly corrected: number };
  readonly queue: Ages & {
    readonly putAside: number;
    /** As {@link AGE_BUCKETS}. */
    readonly buckets: readonly number[];
    /** The queue in two. */
    readonly ready: Ages;
    readonly stopped: Ages;
  };
  readonly stale: { readonly count: number; readonly of: number };
  readonly norms: { readonly photos: number; readonly texts: number; readonly of: number };
}

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/** The middle one; of an even number the mean of the two in the middle. null: of none. */
export function median(values: readonly number[]): number | null {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return null;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The least of the values that so many per cent of them do not exceed. null: of none. */
export function percentile(values: readonly number[], percent: number): number | null {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? null;
}

const minutes = (ms: number | null): number | null => (ms === null ? null : Math.floor(ms / MINUTE_MS));

/** How long an approved content had waited, ms; null: that is not counted. */
export function waitedMs({ kind, isLook, pendingSince, at }: VerdictFact): number | null {
  if (kind !== 'approved' || !isLook || pendingSince === null) return null;
  return Math.max(0, at.getTime() - pendingSince.getTime());
}

/** The place of an age among {@link AGE_BUCKETS}. */
export const bucketOf = (ageMs: number): number =>
  AGE_BUCKETS.findIndex(({ underHours }) => underHours === null || ageMs < underHours * HOUR_MS);

const ageMs = ({ since }: WaitingFact, now: Date) => Math.max(0, now.getTime() - since.getTime());

function agesOf(waiting: readonly WaitingFact[], now: Date): Ages {
  const ages = waiting.map((one) => ageMs(one, now));
  return {
    count: ages.length,
    oldestMinutes: minutes(percentile(ages, 100)),
    medianMinutes: minutes(median(ages)),
  };
}

/** All numbers of some rows: of everybody's, or of one group's. */
export function workFigures({ verdicts, waiting, marked }: WorkFacts, now: Date): WorkFigures {
  const waited = verdicts.flatMap((verdict) => waitedMs(verdict) ?? []);
  const returned = verdicts.filter(isReturn);
  const codes = new Map<string, number>();
  for (const { reasons } of returned) for (const code of new Set(reasons)) codes.set(code, (codes.get(code) ?? 0) + 1);
  const first = verdicts.filter(({ isFirst }) => isFirst);
  const right = first.filter(isRight);
  const places = waiting.map((one) => bucketOf(ageMs(one, now)));
  const onMarket = marked.filter(({ isOnMarket }) => isOnMarket);
  const judged = marked.filter(({ isJudged }) => isJudged);
  const looks = verdicts.filter(({ isLook }) => isLook);
  return {
    decided: {
      count: looks.length,
      approved: looks.filter(isRight).length,
      accepted: verdicts.filter(isAccepted).length,
      trusted: verdicts.filter(({ isTrusted }) => isTrusted).length,
    },
    approval: {
      count: waited.length,
      medianMinutes: minutes(median(waited)),
      p90Minutes: minutes(percentile(waited, 90)),
      unmeasured: looks.filter((one) => isRight(one) && one.pendingSince === null).length,
    },
    returns: {
      count: returned.length,
      byReason: [...codes]
        .map(([code, count]) => ({ code, count }))
        .sort((one, other) => other.count - one.count || one.code.localeCompare(other.code)),
    },
    first: {
      count: first.length,
      right: right.length,
      corrected: right.filter(({ isCorrected }) => isCorrected).length,
    },
    queue: {
      ...agesOf(waiting, now),
      putAside: waiting.filter(({ isPutAside }) => isPutAside).length,
      buckets: AGE_BUCKETS.map((_, at) => places.filter((place) => place === at).length),
      ready: agesOf(waiting.filter(IN_QUEUE['queue-ready']), now),
      stopped: agesOf(waiting.filter(IN_QUEUE['queue-stopped']), now),
    },
    stale: { count: onMarket.filter(({ isStale }) => isStale).length, of: onMarket.length },
    norms: {
      photos: judged.filter(({ hasPhotoNotices }) => hasPhotoNotices).length,
      texts: judged.filter(({ hasTextNotices }) => hasTextNotices).length,
      of: judged.length,
    },
  };
}

const isReturn = ({ kind }: VerdictFact) => kind === 'returned';
const isRight = ({ kind }: VerdictFact) => kind === 'approved';
/** Taken for approved with all the rest of the feed when moderation was switched on. */
const isAccepted = ({ isLook, isTrusted }: VerdictFact) => !isLook && !isTrusted;

/** The parts of the queue. */
const IN_QUEUE = {
  queue: () => true,
  'queue-ready': ({ isReady }: WaitingFact) => isReady,
  'queue-stopped': ({ isReady }: WaitingFact) => !isReady,
} as const;

/** Which part of a number is asked for. */
export interface WorkPart {
  /** Of returns: with this reason. */
  readonly reason?: string | undefined;
  /** Of the queue: the place among {@link AGE_BUCKETS}. */
  readonly bucket?: number | undefined;
}

/** The rows behind a number: as many as it says. */
export function behindFigure<V extends VerdictFact, W extends WaitingFact, M extends MarkedFact>(
  { verdicts, waiting, marked }: WorkFacts<V, W, M>,
  figure: WorkFigure,
  { reason, bucket }: WorkPart,
  now: Date,
): readonly (V | W | M)[] {
  switch (figure) {
    case 'decided':
      return verdicts.filter(({ isLook }) => isLook);
    case 'accepted':
      return verdicts.filter(isAccepted);
    case 'trusted':
      return verdicts.filter(({ isTrusted }) => isTrusted);
    case 'approved':
      return verdicts
        .filter((one) => waitedMs(one) !== null)
        .sort((one, other) => waitedMs(other)! - waitedMs(one)! || one.listingId - other.listingId);
    case 'returned':
      return verdicts.filter((one) => isReturn(one) && (reason === undefined || one.reasons.includes(reason)));
    case 'first':
      return verdicts.filter(({ isFirst }) => isFirst);
    case 'first-right':
      return verdicts.filter((one) => one.isFirst && isRight(one));
    case 'queue':
    case 'queue-ready':
    case 'queue-stopped':
      return waiting
        .filter(IN_QUEUE[figure])
        .filter((one) => bucket === undefined || bucketOf(ageMs(one, now)) === bucket)
        .sort((one, other) => one.since.getTime() - other.since.getTime() || one.listingId - other.listingId);
    case 'marked':
      return marked.filter(({ isOnMarket }) => isOnMarket);
    case 'stale':
      return marked.filter((one) => one.isOnMarket && one.isStale);
    case 'judged':
      return marked.filter(({ isJudged }) => isJudged);
    case 'photos':
      return marked.filter((one) => one.isJudged && one.hasPhotoNotices);
    case 'texts':
      return marked.filter((one) => one.isJudged && one.hasTextNotices);
  }
}

/** «3 дн. 4 ч», «5 ч 12 мин», «8 мин». */
export function toldMinutes(whole: number): string {
  const [days, hours, rest] = [Math.floor(whole / 1440), Math.floor((whole % 1440) / 60), whole % 60];
  if (days > 0) return hours > 0 ? `${days} дн. ${hours} ч` : `${days} дн.`;
  if (hours > 0) return rest > 0 ? `${hours} ч ${rest} мин` : `${hours} ч`;
  return `${rest} мин`;
}

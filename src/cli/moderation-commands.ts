import { Argument, type Command } from 'commander';
import { fieldValue } from '../domain/corrections.ts';
import { russianMoment } from '../domain/days.ts';
import { Refusal } from '../domain/fault.ts';
import { OUTCOME_LABELS } from '../domain/gates.ts';
import { describeKind, type Listing } from '../domain/listing.ts';
import {
  APPROVAL_LABELS,
  type Change,
  changesSince,
  chooseContent,
  fieldLabel,
  filledFields,
  moderatable,
  moderationFor,
  readSeenToken,
  seenToken,
} from '../domain/moderation.ts';
import { formatKopecks } from '../domain/money.ts';
import { agree, formatNumber } from '../domain/text.ts';
import { valueWords, wordFor } from '../domain/words.ts';
import { resolveAgency } from '../store/agencies.ts';
import type { Database } from '../store/database.ts';
import { type ListingRow, marksOf } from '../store/marks.ts';
import {
  giveVerdict,
  type ModerationCase,
  moderationCase,
  switchOn,
  UNDO_SECONDS,
  undoVerdict,
  type VerdictRow,
} from '../store/moderation.ts';
import { queueRows, waitingCases } from '../store/moderation-queue.ts';
import { listCabinets } from '../store/publishing.ts';
import { agencyFrame, cabinetSettings } from '../store/settings.ts';
import type { Context } from './context.ts';
import { provenCorrections } from './correct-commands.ts';
import { type Action, several } from './declaring.ts';
import { EXIT } from './exit.ts';
import { type Actor, actorOf, DEFAULT_CABINET, objects, oneEmployee, oneListing, ours } from './naming.ts';
import { oneCabinet } from './units.ts';

const VERDICT_LABELS: Record<VerdictRow['kind'], string> = { approved: 'одобрено', returned: 'возвращено' };
const DECISIONS = ['approve', 'return', 'correct'] as const;

interface SwitchOptions {
  board?: string;
  cabinet: string;
  reviewAll?: boolean;
  agency?: string;
  by?: string;
}

interface VerdictOptions {
  by?: string;
  reason?: string[];
  note?: string;
  set?: string[];
  seen?: string;
  agency?: string;
}

/** Who looks at what before it goes out: switching, the queue, one case, verdicts. */
export function moderationCommands(program: Command, action: Action): void {
  const moderation = program
    .command('moderation')
    .summary('модерация: включить, очередь, что изменилось')
    .description('Модерация объявлений: пока её не включили, всё выходит без проверки.');
  for (const mode of ['on', 'off'] as const) {
    const command = moderation
      .command(mode)
      .description(
        mode === 'on'
          ? 'Включает модерацию во всём агентстве, а с --board — в одном кабинете. То, что уже стоит на досках, считается одобренным.'
          : 'Выключает модерацию во всём агентстве, а с --board — в одном кабинете. Решения сохраняются.',
      )
      .option('--board <доска>', 'только кабинет на этой доске')
      .option('--cabinet <кабинет>', 'кабинет на доске', DEFAULT_CABINET)
      .option('--by <сотрудник>', 'кто включает или выключает')
      .option('--agency <название>', 'агентство');
    if (mode === 'on')
      command.option('--review-all', 'проверить и то, что уже стоит на досках: до проверки оно с досок уйдёт');
    command.action(action((context, options: SwitchOptions) => switchModeration(context, mode, options)));
  }

  moderation
    .command('list')
    .description('Показывает, что ждёт модератора; первым — то, чьё ожидание обошлось дороже, потом — что ждёт дольше.')
    .option('--board <доска>', 'только эта доска')
    .option('--employee <сотрудник>', 'только объекты этого сотрудника')
    .option('--limit <число>', 'сколько показать', '50')
    .option('--agency <название>', 'агентство')
    .action(
      action(async (context, options: { board?: string; employee?: string; limit: string; agency?: string }) => {
        if (!/^[1-9]\d{0,4}$/.test(options.limit))
          throw new Refusal('bad-limit', `--limit: «${options.limit}» — не число от 1 до 99999.`, EXIT.usage);
        const db = await context.db();
        const agency = await resolveAgency(db, options.agency);
        const board = options.board === undefined ? undefined : context.board(options.board).id;
        const employeeId =
          options.employee === undefined ? undefined : (await oneEmployee(db, agency.id, options.employee)).id;
        const cases = (await waitingCases(db.pool, agency.id, context.clock())).filter(
          (one) =>
            !one.isPutAside &&
            (board === undefined || one.boards.includes(board)) &&
            (employeeId === undefined || one.employeeId === employeeId),
        );
        const rows = await queueRows(db.pool, agency.id, cases.slice(0, Number(options.limit)));
        const waiting = rows.map(({ values: _, ...row }) => row);
        const { timeZone } = await agencyFrame(db, agency.id);
        context.print({ waiting }, () =>
          waiting.length === 0
            ? 'Модератора ничего не ждёт.'
            : waiting
                .map((row) => {
                  const where = row.cabinets.map(
                    ({ board: id, approval }) =>
                      `${context.board(id).name}${approval === 'kept' ? ' (там прежний вариант)' : ''}`,
                  );
                  const fields = [...new Set(row.cabinets.flatMap((cabinet) => cabinet.waiting))];
                  const what = fields.length === 0 ? 'новый' : `изменено: ${fields.join(', ')}`;
                  const heading = row.title ?? describeKind(row);
                  return `${ours(row.listingId)} ${heading} · ${row.employee ?? 'без ответственного'} · ждёт с ${russianMoment(row.since, timeZone)}${row.idleKopecks === 0 ? '' : `, простаивает ${formatKopecks(row.idleKopecks)} в день`}\n  ${where.join(', ')} · ${what}`;
                })
                .join('\n'),
        );
        if (waiting[0]) context.say(`Дальше: moderation show "${ours(waiting[0].listingId)}"`);
        return EXIT.done;
      }),
    );

  moderation
    .command('show')
    .description('Показывает, что изменилось с последнего одобрения, и все прежние решения.')
    .argument('<объект>')
    .option('--agency <название>', 'агентство')
    .action(
      action(async (context, name: string, options: { agency?: string }) => {
        const db = await context.db();
        const agency = await resolveAgency(db, options.agency);
        const listing = await oneListing(db, agency.id, name);
        const shown = await showCase(context, db, listing);
        context.print(shown.data, shown.text);
        context.say(
          `Дальше: verdict "${ours(listing.id)}" approve --seen ${seenToken(shown.seen)} — или return --reason <код>, correct --set <поле=значение>`,
        );
        return EXIT.done;
      }),
    );

  program
    .command('verdict')
    .summary('одобрить, вернуть или исправить и одобрить объект')
    .description(
      `Решение модератора: approve — одобрить, return — вернуть с причиной, correct — исправить и одобрить. Оно вступает в силу через ${UNDO_SECONDS} секунд; до того его отменяет verdict undo <номер решения>.`,
    )
    .argument('<объект>', 'объект или слово undo')
    .addArgument(new Argument('<решение>', `${DECISIONS.join(', ')}; после undo — номер решения`))
    .option('--by <сотрудник>', 'кто решает')
    .addOption(several('--reason <код...>', 'почему возвращён; коды — из настройки moderation.returnReasons'))
    .option('--note <текст>', 'слова модератора для агента')
    .addOption(several('--set <поле=значение...>', 'что исправить, при correct'))
    .option('--seen <знак>', 'из moderation show: решение откажет, если объект с тех пор изменился')
    .option('--agency <название>', 'агентство')
    .action(
      action(async (context, name: string, decision: string, options: VerdictOptions) => {
        const db = await context.db();
        const agency = await resolveAgency(db, options.agency);
        const actor = await actorOf(db, agency.id, options.by, 'moderation');
        return name === 'undo'
          ? undo(context, db, agency.id, decision, actor)
          : decide(context, db, await oneListing(db, agency.id, name), decision, actor, options);
      }),
    );
}

async function switchModeration(context: Context, mode: 'on' | 'off', options: SwitchOptions): Promise<number> {
  const db = await context.db();
  const agency = await resolveAgency(db, options.agency);
  const actor = await actorOf(db, agency.id, options.by, 'moderation');
  const { board } = options;
  const cabinet =
    board === undefined ? null : await oneCabinet(context, db, agency.id, { board, cabinet: options.cabinet });
  const result = await switchOn(
    db,
    agency.id,
    cabinet === null ? { agency: true } : { cabinetId: cabinet.id },
    mode,
    { acceptsCurrent: !options.reviewAll, actor },
    context.clock(),
  );
  const where = cabinet === null ? 'во всём агентстве' : `в кабинете ${cabinet.name} (${cabinet.slug})`;
  const state = mode === 'on' ? 'включена' : 'выключена';
  const accepted = `Одобрено как есть то, что уже стоит на досках: ${objects(result.accepted)}.`;
  context.print({ mode, board: cabinet?.board ?? null, cabinet: cabinet?.slug ?? null, ...result }, () =>
    !result.isChanged
      ? `Модерация ${where} уже ${state}.`
      : `Модерация ${where} ${state}.${mode === 'on' && !options.reviewAll ? ` ${accepted}` : ''}`,
  );
  if (mode === 'on') context.say('Дальше: moderation list');
  return EXIT.done;
}

async function undo(context: Context, db: Database, agencyId: number, number: string, actor: Actor): Promise<number> {
  if (!/^\d{1,15}$/.test(number))
    throw new Refusal('verdict-unknown', `«${number.slice(0, 60)}» — не номер решения.`, EXIT.usage);
  const undone = await undoVerdict(db, agencyId, Number(number), actor, context.clock());
  context.print(
    { verdict: Number(number), ...undone },
    `Решение ${number} по объекту ${ours(undone.listingId)} отменено.`,
  );
  return EXIT.done;
}

async function decide(
  context: Context,
  db: Database,
  listing: ListingRow,
  decision: string,
  actor: Actor,
  options: VerdictOptions,
): Promise<number> {
  const known = DECISIONS.find((one) => one === decision);
  if (!known)
    throw new Refusal(
      'decision-unknown',
      `Решения «${decision.slice(0, 60)}» нет. Можно: ${DECISIONS.join(', ')}.`,
      EXIT.usage,
    );
  const faults = [
    ...((known === 'correct') === (options.set !== undefined)
      ? []
      : ['Ключ --set нужен решению correct, и только ему.']),
    ...(known !== 'return' && options.reason !== undefined ? ['Ключ --reason только для решения return.'] : []),
  ];
  const seen = options.seen === undefined ? undefined : readSeenToken(options.seen);
  if (seen === null) faults.push('--seen: это не знак из moderation show.');
  if (faults.length > 0) throw new Refusal('verdict-unclear', faults.join(' '), EXIT.usage);
  const now = context.clock();
  const corrections = options.set && provenCorrections(listing, { set: options.set, by: actor.name }, now);
  const given = await giveVerdict(
    db,
    listing.agencyId,
    {
      listingId: listing.id,
      kind: known === 'return' ? 'returned' : 'approved',
      actor,
      reasons: options.reason ?? [],
      note: options.note,
      corrections: corrections ?? undefined,
      seen: seen ?? undefined,
    },
    now,
  );
  const kind = known === 'return' ? 'returned' : 'approved';
  const { timeZone } = await agencyFrame(db, listing.agencyId);
  context.print(
    { listing: listing.id, verdict: given.verdictId, kind, effectiveAt: given.effectiveAt, isOwn: given.isOwn },
    () =>
      `Объект ${ours(listing.id)}: ${corrections ? 'исправлено и ' : ''}${VERDICT_LABELS[kind]}, ${actor.name}. Решение ${given.verdictId} в силе с ${russianMoment(given.effectiveAt, timeZone)}, через ${UNDO_SECONDS} ${agree(UNDO_SECONDS, 'секунду', 'секунды', 'секунд')}.`,
  );
  const isModerated = (await standings(context, db, listing)).some(({ settings }) => settings.mode === 'on');
  context.say(
    isModerated
      ? `Отменить за ${UNDO_SECONDS} секунд: verdict undo ${given.verdictId}`
      : 'Модерация там, где объект отмечен, выключена: решение скажется, когда её включат (moderation on).',
  );
  return EXIT.done;
}

/** The cabinets where the listing is marked, with the rules of moderation there. */
async function standings(context: Context, db: Database, listing: ListingRow) {
  const { settings: agency } = await agencyFrame(db, listing.agencyId);
  const cabinets = await listCabinets(db, { agencyId: listing.agencyId });
  const live = (await marksOf(db, listing.agencyId, listing.id)).filter(({ isLive }) => isLive);
  return Promise.all(
    live.map(async (mark) => {
      const cabinet = cabinets.find(({ id }) => id === mark.cabinetId)!;
      const { settings } = await cabinetSettings(db, listing.agencyId, cabinet.id);
      return {
        board: context.board(cabinet.board),
        cabinet: cabinet.slug,
        outcome: mark.outcome,
        settings: moderationFor(agency, settings),
      };
    }),
  );
}

async function showCase(context: Context, db: Database, listing: ListingRow) {
  const { settings, timeZone } = await agencyFrame(db, listing.agencyId);
  const found = await moderationCase(db, listing.agencyId, listing.id, context.clock());
  const { values, approved, last, photoHashes, seen } = found;
  const cabinets = (await standings(context, db, listing)).map((mark) => {
    const { approval, returned } = chooseContent(values, approved, last, mark.settings, photoHashes, seen.contentHash);
    return {
      board: mark.board.id,
      boardName: mark.board.name,
      cabinet: mark.cabinet,
      outcome: mark.outcome,
      approval,
      returned: returned ?? null,
    };
  });
  const content = moderatable(values);
  const changes = approved === null ? null : changesSince(approved, content, settings.moderation.policy, photoHashes);
  const data = {
    listing: listing.id,
    externalId: listing.externalId,
    employee: found.employee,
    pendingSince: found.pendingSince,
    seen: seenToken(seen),
    cabinets,
    approvedBy: approved?.by ?? null,
    /** null: nothing was ever approved. */
    changes,
    content,
    history: found.history,
  };
  const text = () => {
    const heading = `${ours(listing.id)} (в источнике ${listing.externalId}) · ${values.title ?? describeKind(values)} · ${found.employee ?? 'без ответственного'}`;
    const where = cabinets.map(
      ({ boardName, approval, outcome, returned }) =>
        `  ${boardName}: ${APPROVAL_LABELS[approval]}${outcome === null ? '' : ` (${OUTCOME_LABELS[outcome]})`}${returned ? `: ${returned.texts.join(' ')}` : ''}`,
    );
    return [
      heading,
      ...(where.length > 0 ? where : ['  На выгрузку не отмечен.']),
      '',
      ...contentText(found, changes, timeZone),
      ...(found.history.length === 0
        ? []
        : ['', 'Решения:', ...found.history.map((row) => `  ${historyLine(row, timeZone)}`)]),
      '',
      `Знак увиденного: ${data.seen}`,
    ].join('\n');
  };
  return { data, text, seen };
}

function contentText(found: ModerationCase, changes: readonly Change[] | null, timeZone: string): string[] {
  if (changes === null) {
    const content = moderatable(found.values);
    return [
      'Ещё не одобряли. Что уйдёт на доску:',
      ...filledFields(content).map(
        (field) => `  ${fieldLabel(field)}: ${told(field, fieldValue(content, field), content.currency)}`,
      ),
    ];
  }
  const approval = found.history.find(({ id }) => id === found.approved?.id);
  const since = approval ? ` (${russianMoment(approval.at, timeZone)}, ${approval.by})` : '';
  const currencies = [found.approved?.content.currency, found.values.currency] as const;
  if (changes.length === 0) return [`С последнего одобрения${since} ничего не изменилось.`];
  return [
    `С последнего одобрения${since} изменилось:`,
    ...changes.flatMap((change) => changeText(change, currencies).map((line) => `  ${line}`)),
  ];
}

/** @param currencies before and after */
function changeText(
  { field, label, before, after, passes, photos }: Change,
  currencies: readonly [Listing['currency'], Listing['currency']],
): string[] {
  const free = passes ? ' · проходит без проверки' : '';
  if (photos) {
    const parts = [
      ...(photos.added.length > 0 ? [`добавлено ${photos.added.length}`] : []),
      ...(photos.removed.length > 0 ? [`убрано ${photos.removed.length}`] : []),
      ...(photos.replaced.length > 0 ? [`подменено ${photos.replaced.length}`] : []),
      ...(photos.movedCount > 0 ? [`переставлено ${photos.movedCount}`] : []),
    ];
    return [
      `${label}: ${parts.length > 0 ? parts.join(', ') : 'изменились пометки'}${free}`,
      ...photos.added.map((url) => `  + ${url}`),
      ...photos.removed.map((url) => `  − ${url}`),
      ...photos.replaced.map((url) => `  ≠ ${url}`),
    ];
  }
  if (typeof before === 'string' && typeof after === 'string' && before.length + after.length > 100) {
    const start = commonStart(before, after);
    return [`${label}${free}:`, `  было:  ${cut(before, start)}`, `  стало: ${cut(after, start)}`];
  }
  const percent =
    typeof before === 'number' && typeof after === 'number' && before !== 0
      ? ` (${after > before ? '+' : '−'}${formatNumber(Math.abs(Math.round(((after - before) / before) * 1000)) / 10)} %)`
      : '';
  return [`${label}: ${told(field, before, currencies[0])} → ${told(field, after, currencies[1])}${percent}${free}`];
}

function commonStart(one: string, other: string): number {
  let at = 0;
  while (at < one.length && one[at] === other[at]) at++;
  return at;
}

const SHOWN_CHARS = 400;

/** The part of a long text that begins a little before the first difference. */
function cut(text: string, difference: number): string {
  const from = Math.max(0, difference - 40);
  const shown = text.slice(from, from + SHOWN_CHARS).replace(/\s+/g, ' ');
  return `${from > 0 ? '…' : ''}${shown}${from + SHOWN_CHARS < text.length ? '…' : ''}`;
}

/** A value as people read it; texts in quotation marks, and the addresses of pictures. */
function told(field: string, value: unknown, currency?: Listing['currency']): string {
  if (typeof value === 'string' && wordFor(field, value) === undefined) return `«${value}»`;
  if (field === 'photos' && Array.isArray(value)) return (value as { url: string }[]).map(({ url }) => url).join(' ');
  return valueWords(field, value, currency);
}

function historyLine(row: VerdictRow, timeZone: string): string {
  const texts = [...(row.reasons ?? []).map(({ text }) => text), ...(row.note === null ? [] : [row.note])];
  const own = row.isOwn ? ', свой объект' : '';
  const undone = row.undoneAt === null ? '' : ` (отменено ${russianMoment(row.undoneAt, timeZone)})`;
  return `${row.id} · ${russianMoment(row.at, timeZone)} · ${VERDICT_LABELS[row.kind]}, ${row.by}${own}${undone}${texts.length > 0 ? `: ${texts.join(' ')}` : ''}`;
}

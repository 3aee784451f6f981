import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import type { Static } from 'typebox';
import {
  AccountChangeSchema,
  AccountForecastSchema,
  type AccountNode,
  AccountPageSchema,
  AccountTreeSchema,
  CandidatesSchema,
  CorrectSchema,
  ForecastQuery,
  IdParams,
  MoneyDoneSchema,
  MoveSchema,
  OpenedSchema,
  OpenSchema,
  RefundSchema,
  StatementQuery,
  StatementSchema,
  TopUpEffectSchema,
  TopUpSchema,
  TopUpTrialSchema,
  type Transfer,
  TransferPageSchema,
  TransferParams,
  TransferQuery,
} from '../contracts/accounts.ts';
import { accountTree, isOwnKind } from '../domain/account-tree.ts';
import { csvText } from '../domain/csv.ts';
import { Fault, Refusal } from '../domain/fault.ts';
import { TRANSFER_KINDS, TRANSFER_LABELS } from '../domain/ledger.ts';
import { mayDo, reachOf } from '../domain/rights.ts';
import { effectOn } from '../domain/statement.ts';
import { forecastMoney } from '../export/forecast.ts';
import { placeOf, placesOfAccounts } from '../store/access.ts';
import { atOneMoment } from '../store/database.ts';
import { nextRuns } from '../store/due.ts';
import { savedByAccount, savedInMonth } from '../store/forecast.ts';
import {
  agencyDay,
  changeAccount,
  correct,
  listAccounts,
  type MoneyCommand,
  move,
  openAccount,
  payerOfCharge,
  refund,
  topUp,
} from '../store/ledger.ts';
import { faultsOfMonthly } from '../store/monthly.ts';
import { listCabinets } from '../store/publishing.ts';
import { agencyFrame } from '../store/settings.ts';
import { lastDays, type PlacedAccount, pageOfLedger, standingAfter } from '../store/statements.ts';
import { unfundedMarks } from '../store/warnings.ts';
import {
  type AnyAsk,
  candidates,
  knownOf,
  limitsVersion,
  namesOfMarks,
  oneOf,
  placeOfOwner,
  statementData,
  told,
  transferOf,
  trimmed,
} from './accounts.ts';
import type { Api, Ask } from './api.ts';
import { cabinetTitle } from './cabinets.ts';
import { cursorOf, readCursor } from './cursor.ts';
import { coverOf, OUTLOOK_DAYS, Outlook, topUpEffect } from './outlook.ts';
import { HttpProblem, notFound } from './problems.ts';
import {
  namesOfAccounts,
  proveDays,
  readingOf,
  sendFile,
  statementPeriod,
  statementTable,
  workbook,
} from './statement.ts';

/** «Счета»: accounts, their transfers and statements, and the commands about money. */

/** What the spark line of an account shows. */
const SPARK_DAYS = 30;
/** Marks that are told one by one; all of them are counted. */
const TOLD = 200;
const LIMIT = 50;

export function accountRoutes(api: Api): void {
  const { db, boards } = api.options;
  const outlook = new Outlook(db, boards);
  const sees = { deed: 'see-accounts', token: 'accounts:read' } as const;
  const pays = { deed: 'money', token: 'accounts:write', needsProof: true, idempotent: 'required' } as const;
  /** The transfer's id comes from the key. */
  const paysByKey = { ...pays, isRepeatable: true } as const;

  api.define({
    method: 'GET',
    url: '/accounts',
    summary: 'Счета деревом: остаток, расход в день, до какого дня хватит, кто ждёт денег',
    policy: sees,
    answer: AccountTreeSchema,
    handler: async (ask) => {
      const { caller } = ask;
      const known = await knownOf(ask, outlook);
      const { own, places, covers } = known;
      const seen = own.filter(({ id }) => mayDo(caller, 'see-accounts', places.get(id)!));
      const days = await lastDays(db.pool, ask.agencyId, seen, known.today, SPARK_DAYS);
      const data = accountTree(seen).map(
        ({ depth, title, account }): AccountNode => ({
          depth,
          title,
          account: account && told(ask, known, account, days.get(account.id)!),
        }),
      );
      const sum = (of: (account: PlacedAccount) => number) => seen.reduce((all, account) => all + of(account), 0);
      const availableKopecks = sum((one) => one.availableKopecks);
      const dayKopecks = sum(({ id }) => covers.get(id)?.dayKopecks ?? 0);
      const reach = reachOf(caller, 'see-accounts');
      const isOwn = !reach.isAll && reach.branchIds.length === 0 && reach.departmentIds.length === 0;
      const payer = known.payerFor(caller);
      const cover = payer && known.coverFor(payer.id);
      return {
        today: known.today,
        data: trimmed(data, isOwn),
        page: { next: null, total: seen.length },
        totals: {
          accounts: seen.length,
          balanceKopecks: sum((one) => one.balanceKopecks),
          heldKopecks: sum((one) => one.heldKopecks),
          availableKopecks,
          daySpentKopecks: sum((one) => one.daySpentKopecks),
          monthSpentKopecks: sum((one) => one.monthSpentKopecks),
          dayKopecks,
          days: dayKopecks === 0 ? null : Math.max(0, Math.floor(availableKopecks / dayKopecks)),
        },
        payer:
          payer && !seen.includes(payer)
            ? { name: payer.name, state: cover?.state ?? null, label: cover?.label ?? 'прогноз считается' }
            : null,
        isOwn,
        forecast: { at: known.forecast?.dry.at.toISOString() ?? null, isStale: known.isStale },
        may: {
          open: mayDo(caller, 'accounts', 'anywhere'),
          move: mayDo(caller, 'money', 'anywhere'),
          reconcile: mayDo(caller, 'reconciliation', 'anywhere'),
        },
      };
    },
  });

  api.define({
    method: 'GET',
    url: '/accounts/candidates',
    summary: 'У кого ещё нет счёта',
    policy: { deed: 'accounts', token: 'accounts:read' },
    answer: CandidatesSchema,
    handler: async (ask) => ({ data: await candidates(ask) }),
  });

  api.define({
    method: 'POST',
    url: '/accounts',
    summary: 'Открыть счета: агентству, филиалам, отделам, сотрудникам',
    policy: { deed: 'accounts', token: 'accounts:write', needsProof: true },
    body: OpenSchema,
    answer: OpenedSchema,
    handler: async (ask) => {
      const { agencyId, now } = ask;
      for (const owner of ask.body.owners) ask.prove('accounts', await placeOfOwner(ask, owner));
      const ids = new Set<number>();
      let opened = 0;
      for (const owner of ask.body.owners) {
        const { id, isNew } = await openAccount(db, agencyId, owner, { name: ask.by }, now);
        ids.add(id);
        if (isNew) opened++;
      }
      const accounts = (await listAccounts(db.pool, agencyId)).filter(({ id }) => ids.has(id));
      return { opened, accounts: accounts.map(({ id, name }) => ({ id, name })) };
    },
  });

  api.define({
    method: 'GET',
    url: '/accounts/:id',
    summary: 'Счёт: лимиты, прогноз, кто ждёт денег',
    policy: { ...sees, of: 'account' },
    params: IdParams,
    answer: AccountPageSchema,
    isVersioned: true,
    handler: async (ask) => {
      const { agencyId, caller } = ask;
      const known = await knownOf(ask, outlook);
      const account = await oneOf(ask, known);
      const days = await lastDays(db.pool, agencyId, [account], known.today, SPARK_DAYS);
      const cabinets = await listCabinets(db, { agencyId });
      const titles = new Map(cabinets.map((cabinet) => [cabinet.id, cabinetTitle(boards, cabinet)]));
      const owners = known.waitingFor(account.id).owners;
      const marks = owners.length === 0 ? [] : await unfundedMarks(db.pool, agencyId, owners, TOLD);
      const others = known.own.filter(({ id }) => id !== account.id && mayDo(caller, 'money', known.places.get(id)!));
      const source = known.own.find(({ id }) => id === account.monthly?.fromId);
      return {
        ...told(ask, known, account, isOwnKind(account.kind) ? days.get(account.id)! : []),
        version: limitsVersion(account),
        monthlyFrom: source?.name ?? null,
        waitingMarks: marks.map(({ cabinetId, since, ...mark }) => ({
          ...mark,
          cabinetId,
          board: cabinets.find(({ id }) => id === cabinetId)!.board,
          cabinet: titles.get(cabinetId)!,
          since: since.toISOString(),
        })),
        others: others.map(({ id, name }) => ({ id, name })),
        cabinets: [...titles].map(([id, name]) => ({ id, name })),
        kinds: TRANSFER_KINDS.map((kind) => ({ kind, label: TRANSFER_LABELS[kind] })),
      };
    },
  });

  api.define({
    method: 'PATCH',
    url: '/accounts/:id',
    summary: 'Изменить овердрафт, лимиты и ежемесячное пополнение',
    policy: { deed: 'accounts', of: 'account', token: 'accounts:write', needsProof: true },
    params: IdParams,
    body: AccountChangeSchema,
    handler: async (ask) => {
      const { agencyId, params, body, now } = ask;
      const account = (await listAccounts(db.pool, agencyId)).find(({ id }) => id === params.id);
      if (!account) throw new Refusal('account-kind', 'У счёта доски и внешнего счёта лимитов нет.');
      ask.match(limitsVersion(account));
      const { monthly } = body;
      if (monthly) {
        if (monthly.fromId !== null)
          ask.prove('accounts', (await placeOf(db.pool, agencyId, 'account', monthly.fromId)) ?? ask.place!);
        const faults = await faultsOfMonthly(db.pool, agencyId, params.id, monthly);
        if (faults.length > 0) throw new Refusal('bad-monthly', faults.join(' '), 2);
      }
      await changeAccount(db, agencyId, params.id, body, { name: ask.by }, now);
    },
  });

  api.define({
    method: 'GET',
    url: '/accounts/:id/transfers',
    summary: 'Движение по счёту, от последнего дня к первому',
    policy: { ...sees, of: 'account' },
    params: IdParams,
    query: TransferQuery,
    answer: TransferPageSchema,
    handler: transfers,
  });

  for (const ending of ['', '.csv', '.xlsx'] as const) {
    const how = ending === '' ? '' : `, файл ${ending.slice(1)}`;
    api.define({
      method: 'GET',
      url: `/accounts/:id/statement${ending}`,
      summary: `Выписка по счёту${how}`,
      policy: { ...sees, of: 'account' },
      params: IdParams,
      query: StatementQuery,
      ...(ending === '' && { answer: StatementSchema }),
      handler: async (ask, reply) => {
        const account = (await listAccounts(db.pool, ask.agencyId, true)).find(({ id }) => id === ask.params.id)!;
        return statement(ask, [account], account.name, ending, reply);
      },
    });
    api.define({
      method: 'GET',
      url: `/accounts/statement${ending}`,
      summary: `Выписка по всем счетам, которые вам видны${how}`,
      policy: sees,
      query: StatementQuery,
      ...(ending === '' && { answer: StatementSchema }),
      handler: async (ask, reply) => {
        const places = await placesOfAccounts(db.pool, ask.agencyId);
        const accounts = (await listAccounts(db.pool, ask.agencyId)).filter(({ id }) =>
          mayDo(ask.caller, 'see-accounts', places.get(id)!),
        );
        return statement(ask, accounts, 'все счета', ending, reply);
      },
    });
  }

  api.define({
    method: 'GET',
    url: '/accounts/:id/forecast',
    summary: 'До какого дня хватит денег и какие объекты когда остановятся',
    policy: { ...sees, of: 'account' },
    params: IdParams,
    query: ForecastQuery,
    answer: AccountForecastSchema,
    handler: async ({ agencyId, params, query, now }) => {
      const { days = OUTLOOK_DAYS } = query;
      const { settings } = await agencyFrame(db, agencyId);
      const [told, saved] = await atOneMoment(db, async (client) => {
        const forecast = await forecastMoney(client, boards, agencyId, { days }, now);
        return [forecast, await savedInMonth(client, agencyId, forecast.today)] as const;
      });
      const account = told.accounts.find(({ accountId }) => accountId === params.id);
      if (!account)
        throw new Refusal('account-kind', 'Прогноз есть у счетов агентства, филиалов, отделов и сотрудников.');
      const names = namesOfMarks(told);
      const stops = told.stops.filter(({ accountId }) => accountId === params.id);
      const { today, until } = told;
      const { spentKopecks, toppedUpKopecks, leftKopecks } = account;
      return {
        ...{ today, until, spentKopecks, toppedUpKopecks, leftKopecks },
        cover: coverOf(account, told, settings.money.warnDays),
        savedKopecks: savedByAccount(saved).get(params.id) ?? 0,
        stops: stops.slice(0, TOLD).map(({ day, listingId, cabinetId, cause, missingKopecks }) => {
          const { cabinet, externalId } = names(cabinetId, listingId);
          return {
            ...{ day, listingId, cabinetId, cause, missingKopecks, externalId },
            board: cabinet.board,
            cabinet: cabinetTitle(boards, cabinet),
          };
        }),
        stopCount: stops.length,
      };
    },
  });

  api.define({
    method: 'POST',
    url: '/accounts/:id/top-up/dry-run',
    summary: 'Что даст пополнение: какие объекты выйдут и на сколько хватит',
    policy: { deed: 'money', of: 'account', token: 'accounts:read' },
    params: IdParams,
    body: TopUpTrialSchema,
    answer: TopUpEffectSchema,
    handler: async ({ agencyId, params, body, now }) => {
      await ownAccount(agencyId, params.id);
      const { settings } = await agencyFrame(db, agencyId);
      const wish = { accountId: params.id, kopecks: body.kopecks, warnDays: settings.money.warnDays };
      return topUpEffect(db, boards, agencyId, wish, now);
    },
  });

  api.define({
    method: 'POST',
    url: '/accounts/:id/top-up',
    summary: 'Пополнить счёт деньгами извне',
    policy: { ...paysByKey, of: 'account' },
    params: IdParams,
    body: TopUpSchema,
    answer: MoneyDoneSchema,
    handler: (ask) => {
      const command = commandOf(ask, ask.body.kopecks, ask.body.reason ?? 'пополнение');
      return booked(ask, command, [ask.params.id], () => topUp(db, ask.agencyId, ask.params.id, command, ask.now));
    },
  });

  api.define({
    method: 'POST',
    url: '/accounts/move',
    summary: 'Перевести деньги со счёта на счёт',
    policy: paysByKey,
    body: MoveSchema,
    answer: MoneyDoneSchema,
    handler: async (ask) => {
      const { fromId, toId, kopecks, reason = 'перевод' } = ask.body;
      for (const id of [fromId, toId]) {
        const place = await placeOf(db.pool, ask.agencyId, 'account', id);
        if (!place || !mayDo(ask.caller, 'see-accounts', place)) throw notFound(`Счёта #${id} нет.`);
        ask.prove('money', place);
      }
      const command = commandOf(ask, kopecks, reason);
      return booked(ask, command, [fromId, toId], () => move(db, ask.agencyId, fromId, toId, command, ask.now));
    },
  });

  api.define({
    method: 'POST',
    url: '/accounts/:id/correct',
    summary: 'Исправить баланс встречной записью',
    policy: { ...paysByKey, deed: 'money-back', of: 'account' },
    params: IdParams,
    body: CorrectSchema,
    answer: MoneyDoneSchema,
    handler: (ask) => {
      const { kopecks, direction, reason } = ask.body;
      const command = commandOf(ask, kopecks, reason);
      const way = direction === 'in' ? 'to' : 'from';
      return booked(ask, command, [ask.params.id], () =>
        correct(db, ask.agencyId, ask.params.id, way, command, ask.now),
      );
    },
  });

  api.define({
    method: 'POST',
    url: '/transfers/:id/refund',
    summary: 'Вернуть списание целиком, один раз',
    policy: { ...pays, deed: 'money-back' },
    params: TransferParams,
    body: RefundSchema,
    answer: MoneyDoneSchema,
    handler: async (ask) => {
      const { agencyId, params, body, now } = ask;
      const payer = await payerOfCharge(db.pool, agencyId, params.id);
      const place = payer === undefined ? undefined : await placeOf(db.pool, agencyId, 'account', payer);
      if (payer === undefined || !place || !mayDo(ask.caller, 'see-accounts', place))
        throw notFound(`Списания «${params.id.slice(0, 80)}» нет.`);
      ask.prove('money-back', place);
      const { id, kopecks } = await refund(db, agencyId, params.id, body.reason, { name: ask.by }, now);
      return done(ask, { id, isNew: true }, kopecks, [payer]);
    },
  });

  async function ownAccount(agencyId: number, id: number): Promise<void> {
    if ((await listAccounts(db.pool, agencyId)).some((account) => account.id === id)) return;
    throw new Refusal('account-kind', 'Пополняют счета агентства, филиалов, отделов и сотрудников, а этот не из них.');
  }

  async function transfers(ask: Ask<Static<typeof IdParams>, Static<typeof TransferQuery>, unknown>) {
    const { agencyId, caller, query, params, place } = ask;
    const { from, until, kind, cabinet, board, listing, limit = LIMIT } = query;
    proveDays(from, until);
    const names = await namesOfAccounts(db, agencyId);
    const titles = new Map((await listCabinets(db, { agencyId })).map((one) => [one.id, cabinetTitle(boards, one)]));
    const after = query.after === undefined ? undefined : readCursor(query.after, CURSOR);
    // What is left out between two lines is missing in what the account stood at.
    const isTold = kind === undefined && cabinet === undefined && board === undefined && listing === undefined;
    const mayRefund = mayDo(caller, 'money-back', place!);
    return atOneMoment(db, async (client) => {
      const account = (await listAccounts(client, agencyId, true)).find(({ id }) => id === params.id)!;
      const lines = await pageOfLedger(client, agencyId, account, {
        ...{ from, until, kinds: kind, board, limit: limit + 1 },
        ...{ cabinetId: cabinet, listingId: listing },
        ...(after && { after: { day: after[0], seq: after[1] } }),
      });
      let standing = { balance: 0, held: 0 };
      if (isTold)
        standing = after
          ? { balance: after[2], held: after[3] }
          : await standingAfter(client, agencyId, account, until);
      const shown = lines.slice(0, limit);
      const data = shown.map((line): Transfer => {
        const effect = effectOn(line);
        const at = standing;
        standing = { balance: at.balance - effect.balance, held: at.held - effect.held };
        return transferOf(line, effect, isTold ? at : null, { names, titles, mayRefund });
      });
      const last = shown.at(-1);
      const next =
        lines.length > limit && last ? cursorOf([last.day, last.seq, standing.balance, standing.held]) : null;
      return { data, page: { next, total: null } };
    });
  }

  async function statement(
    ask: AnyAsk & { readonly query: Static<typeof StatementQuery> },
    accounts: Parameters<typeof readingOf>[3],
    title: string,
    ending: '' | '.csv' | '.xlsx',
    reply: FastifyReply,
  ) {
    const { agencyId, query } = ask;
    proveDays(query.from, query.until);
    const period = statementPeriod(query.from, query.until, await agencyDay(db.pool, agencyId, ask.now));
    const reading = await readingOf(db, boards, agencyId, accounts, period);
    const { by = null, limit = 200 } = query;
    const format = ending === '' ? formatAccepted(ask.request.headers.accept) : ending.slice(1);
    if (format === 'json') return statementData(reading, by, limit);
    const { columns, rows } = statementTable(reading, by);
    const bytes = format === 'csv' ? Readable.from(csvText(columns, rows)) : await workbook('Выписка', columns, rows);
    return sendFile(reply, bytes, format as 'csv' | 'xlsx', `Выписка ${title} ${period.from} ${period.until}`);
  }

  /** Books it and tells what the accounts stand at. @throws HttpProblem 422 where the key was another command's */
  async function booked(
    ask: AnyAsk,
    { kopecks }: MoneyCommand,
    ids: readonly number[],
    book: () => Promise<{ readonly id: string; readonly isNew: boolean }>,
  ) {
    try {
      return await done(ask, await book(), kopecks, ids);
    } catch (error) {
      if (!(error instanceof Fault) || error.code !== 'transfer-differs') throw error;
      throw new HttpProblem(
        422,
        'idempotency-key-reused',
        'С этим Idempotency-Key уже проведён другой перевод: дайте новому запросу свой ключ.',
      );
    }
  }

  async function done(
    { agencyId, now }: AnyAsk,
    { id: transfer, isNew }: { readonly id: string; readonly isNew: boolean },
    kopecks: number,
    ids: readonly number[],
  ) {
    const accounts = (await listAccounts(db.pool, agencyId)).filter(({ id }) => ids.includes(id));
    const runs = [...(await nextRuns(db.pool, agencyId, {}, now)).values()].sort((a, b) => a.getTime() - b.getTime());
    return {
      ...{ transfer, isNew, kopecks },
      accounts: accounts.map(({ id, name, balanceKopecks, availableKopecks }) => ({
        ...{ id, name, balanceKopecks, availableKopecks },
      })),
      runAt: runs[0]?.toISOString() ?? null,
    };
  }
}

const CURSOR = ['string', 'number', 'number', 'number'] as const;

/** The key of a money command is the caller's own: the same request, whenever it comes again, is the same transfer. */
function commandOf({ caller, by, request }: AnyAsk, kopecks: number, reason: string): MoneyCommand {
  const key = `api-${caller.employeeId}-${String(request.headers['idempotency-key'])}`;
  return { key, kopecks, reason, by: { name: by } };
}

function formatAccepted(accept: string | undefined): 'json' | 'csv' | 'xlsx' {
  if (accept?.includes('text/csv')) return 'csv';
  return accept?.includes('spreadsheetml') ? 'xlsx' : 'json';
}

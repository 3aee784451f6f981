import { paidLevels } from '../boards/promotion.ts';
import {
  IdParams,
  type Promotion,
  PromotionLevelsSchema,
  PromotionOrderSchema,
  PromotionPageSchema,
  PromotionPriceSchema,
  PromotionQuery,
  PromotionSchema,
} from '../contracts/accounts.ts';
import { localDay } from '../domain/days.ts';
import { Refusal } from '../domain/fault.ts';
import { PROMOTION_STATE_LABELS } from '../domain/promotion.ts';
import { mayDo, type Place } from '../domain/rights.ts';
import { tariffOf } from '../domain/tariff.ts';
import { placeOf, placesOfAccounts, placesOfListings } from '../store/access.ts';
import { listAccounts } from '../store/ledger.ts';
import {
  cancelPromotion,
  type ListedPromotion,
  listPromotions,
  orderPromotion,
  tryPromotion,
} from '../store/promotions.ts';
import { type CabinetRow, listCabinets } from '../store/publishing.ts';
import { packageFrame } from '../store/rotation.ts';
import { listTariffs } from '../store/tariffs.ts';
import type { Api, Ask } from './api.ts';
import { cabinetTitle } from './cabinets.ts';
import { notFound } from './problems.ts';

/** Paid levels of the boards: what they cost, who has them, and orders. */

const LIMIT = 50;

type AnyAsk = Pick<Ask<unknown, unknown, unknown>, 'agencyId' | 'caller' | 'now' | 'by' | 'prove'>;

export function promotionRoutes(api: Api): void {
  const { db, boards } = api.options;
  const sees = { deed: 'see-listings', token: 'listings:read' } as const;
  const orders = { deed: 'promotion', token: 'accounts:write' } as const;

  api.define({
    method: 'GET',
    url: '/promotions',
    summary: 'Заказанное продвижение',
    policy: sees,
    query: PromotionQuery,
    answer: PromotionPageSchema,
    handler: async ({ agencyId, caller, query, now }) => {
      const { board, cabinet, listing, all = false, after, limit = LIMIT } = query;
      const filter = {
        ...(board !== undefined && { board }),
        ...(cabinet !== undefined && { cabinetId: cabinet }),
        ...(listing !== undefined && { listingId: listing }),
      };
      const found = (await listPromotions(db, agencyId, filter, now)).filter(
        ({ state }) => all || state === 'ordered' || state === 'running',
      );
      const places = await placesOfListings(db.pool, agencyId, [...new Set(found.map(({ listingId }) => listingId))]);
      const seen = found.filter(({ listingId }) => mayDo(caller, 'see-listings', places.get(listingId)!));
      const page = seen.filter(({ id }) => after === undefined || id < after).slice(0, limit);
      const last = page.at(-1);
      const hasMore = last !== undefined && seen.some(({ id }) => id < last.id);
      return {
        data: page.map((row) => told(row, mayDo(caller, 'promotion', places.get(row.listingId)!), now)),
        page: { next: hasMore ? String(last.id) : null, total: seen.length },
      };
    },
  });

  api.define({
    method: 'GET',
    url: '/cabinets/:id/promotion-levels',
    summary: 'Какие платные уровни есть у кабинета и почём',
    policy: { deed: 'promotion', token: 'listings:read' },
    params: IdParams,
    answer: PromotionLevelsSchema,
    handler: async ({ agencyId, params, caller, now }) => {
      const cabinet = await cabinetOf(agencyId, params.id);
      const place = await placeOf(db.pool, agencyId, 'cabinet', cabinet.id);
      // Whose cabinet it is matters less than whose listings are shown by it.
      if (place?.branchId != null && !mayDo(caller, 'see-listings', place)) throw notFound();
      const { today } = await packageFrame(db, cabinet, now);
      const lines = tariffOf(await listTariffs(db.pool, cabinet), today)?.terms.promotion ?? [];
      return {
        today,
        data: levelsOf(cabinet).map(({ code, label, days, needsPhotos }) => ({
          ...{ code, label, days, needsPhotos },
          prices: lines
            .filter(({ level }) => level === code)
            .map((line) => ({ days: line.days, kopecks: line.kopecks })),
        })),
      };
    },
  });

  api.define({
    method: 'POST',
    url: '/promotions/dry-run',
    summary: 'Сколько стоило бы продвижение и кто заплатит; ничего не заказывает',
    policy: { ...orders, token: 'accounts:read' },
    body: PromotionOrderSchema,
    answer: PromotionPriceSchema,
    handler: async (ask) => {
      const { agencyId, caller, body, by, now } = ask;
      const cabinet = await proved(ask, body);
      const { level, days, fromOn, untilOn, kopecks, account } = await tryPromotion(
        db,
        cabinet,
        levelsOf(cabinet),
        { ...body, by },
        now,
      );
      const row = account && (await listAccounts(db.pool, agencyId)).find(({ id }) => id === account.id);
      const place = account && (await placesOfAccounts(db.pool, agencyId)).get(account.id);
      const isSeen = place ? mayDo(caller, 'see-accounts', place) : false;
      return {
        ...{ levelLabel: level.label, days, fromOn, untilOn, kopecks },
        account: row ? { name: row.name, availableKopecks: isSeen ? row.availableKopecks : null } : null,
      };
    },
  });

  api.define({
    method: 'POST',
    url: '/promotions',
    summary: 'Заказать продвижение: деньги удерживаются сразу, списываются с первым изданием',
    policy: { ...orders, idempotent: 'required' },
    body: PromotionOrderSchema,
    answer: PromotionSchema,
    handler: async (ask) => {
      const { agencyId, body, by, now } = ask;
      const cabinet = await proved(ask, body);
      const { id } = await orderPromotion(db, cabinet, levelsOf(cabinet), { ...body, by }, now);
      const [row] = await listPromotions(db, agencyId, { id }, now);
      return told(row!, true, now);
    },
  });

  api.define({
    method: 'DELETE',
    url: '/promotions/:id',
    summary: 'Отменить продвижение, которое ещё не началось: деньги вернутся на счёт',
    policy: orders,
    params: IdParams,
    answer: PromotionSchema,
    handler: async ({ agencyId, params, by, now, caller, prove }) => {
      const [row] = await listPromotions(db, agencyId, { id: params.id }, now);
      const place = row && (await placeOf(db.pool, agencyId, 'listing', row.listingId));
      if (!place || !mayDo(caller, 'see-listings', place)) throw notFound(`Продвижения № ${params.id} нет.`);
      prove('promotion', place);
      return told(await cancelPromotion(db, agencyId, params.id, by, now), true, now);
    },
  });

  async function cabinetOf(agencyId: number, id: number): Promise<CabinetRow> {
    const found = (await listCabinets(db, { agencyId })).find((cabinet) => cabinet.id === id);
    if (found) return found;
    throw notFound(`Кабинета № ${id} нет.`);
  }

  /** The cabinet, where the caller may order for the listing. @throws HttpProblem 404, 403 */
  async function proved(
    { agencyId, caller, prove }: AnyAsk,
    { cabinetId, listingId }: { readonly cabinetId: number; readonly listingId: number },
  ): Promise<CabinetRow> {
    const place: Place | undefined = await placeOf(db.pool, agencyId, 'listing', listingId);
    if (!place || !mayDo(caller, 'see-listings', place)) throw notFound(`Объекта #${listingId} нет.`);
    prove('promotion', place);
    return cabinetOf(agencyId, cabinetId);
  }

  const boardOf = (id: string) => boards.find((board) => board.id === id);

  function levelsOf({ board, family }: CabinetRow) {
    const found = boardOf(board);
    if (found) return paidLevels(found, family);
    throw new Refusal('board-unknown', `Доски «${board}» больше нет среди описаний досок.`, 2);
  }

  function told(row: ListedPromotion, mayCancel: boolean, now: Date): Promotion {
    const { id, cabinetId, board, cabinet, level, days, fromOn, startedOn, untilOn, kopecks, account, state } = row;
    const isOrdered = state === 'ordered' && startedOn === null;
    return {
      ...{ id, cabinetId, board, level, days, fromOn, startedOn, untilOn, kopecks, state, by: row.by },
      cabinetName: cabinetTitle(boards, { board, slug: cabinet, name: row.cabinetName }),
      listing: { id: row.listingId, externalId: row.externalId },
      levelLabel: boardOf(board)?.promotion.levels.find(({ code }) => code === level)?.label ?? level,
      account: account?.name ?? null,
      stateLabel: PROMOTION_STATE_LABELS[state],
      isLate: isOrdered && fromOn < localDay(now, row.zone),
      at: row.at.toISOString(),
      may: { cancel: mayCancel && isOrdered && kopecks > 0 },
    };
  }
}

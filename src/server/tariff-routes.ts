import Type from 'typebox';
import { readTariff } from '../boards/tariffs.ts';
import {
  NewTariffSchema,
  type PriceAnswer,
  PriceSchema,
  type TariffsAnswer,
  TariffsSchema,
  type TariffTrial,
  TariffTrialSchema,
  TariffTrySchema,
} from '../contracts/tariffs.ts';
import { addDays } from '../domain/days.ts';
import { DEAL_LABELS, DEALS, KIND_LABELS, KINDS } from '../domain/listing.ts';
import { PRICE_UNITS, termsText } from '../domain/price-lines.ts';
import { type PriceDesk, pricesOf, statesOf, type TariffState, tryTariff } from '../domain/quotes.ts';
import { mayDo } from '../domain/rights.ts';
import { regionsUnknown, type TariffTerms } from '../domain/tariff.ts';
import { placeOfCabinet } from '../store/access.ts';
import { cabinetDesks } from '../store/cabinets.ts';
import { findListings, marksOf } from '../store/marks.ts';
import { packageFrame } from '../store/rotation.ts';
import { addTariff, listRegions, listTariffs, markedPriceFacts, type TariffRow } from '../store/tariffs.ts';
import type { Api, Ask } from './api.ts';
import { cabinetLine, cabinetTitle } from './cabinets.ts';
import { notFound } from './problems.ts';

/** What adverts cost: written down for days to come, tried on the marked listings before. */

const Id = Type.Object({ id: Type.Integer() });
const STATE_LABELS: Record<TariffState, string> = {
  current: 'действует',
  coming: 'начнётся',
  past: 'был',
  replaced: 'заменён, не начавшись',
};

export function tariffRoutes(api: Api): void {
  api.define({
    method: 'GET',
    url: '/cabinets/:id/tariffs',
    summary: 'Тарифы кабинета: какой действует, какие начнутся и какие были',
    policy: { deed: 'see-settings', of: 'cabinet', token: 'settings:read' },
    params: Id,
    answer: TariffsSchema,
    handler: (ask) => tariffs(ask, ask.params.id),
  });

  api.define({
    method: 'POST',
    url: '/cabinets/:id/tariffs/try',
    summary: 'Сколько стоили бы отмеченные объекты по такому тарифу; ничего не сохраняет',
    policy: { deed: 'see-settings', of: 'cabinet', token: 'settings:read' },
    params: Id,
    body: TariffTrySchema,
    answer: TariffTrialSchema,
    handler: async (ask): Promise<TariffTrial> => {
      const { db, agencyId, params, body } = ask;
      const cabinet = { agencyId, id: params.id };
      const desk = await priceDesk(ask, params.id);
      const terms = await provenTerms(ask, params.id, body.terms);
      const facts = await markedPriceFacts(db.pool, cabinet);
      const { listings, nowKopecks, thenKopecks, changed } = tryTariff(desk, terms, facts);
      return {
        listings: [...listings],
        marks: facts.length,
        nowKopecks,
        thenKopecks,
        changed,
        unknownRegions: regionsUnknown(terms, await listRegions(db.pool, agencyId)),
        lines: termsText(terms, desk),
      };
    },
  });

  api.define({
    method: 'POST',
    url: '/cabinets/:id/tariffs',
    summary: 'Записать тариф со дня, который ещё не начался',
    policy: { deed: 'tariffs', of: 'cabinet', token: 'settings:write', needsProof: true },
    params: Id,
    body: NewTariffSchema,
    answer: TariffsSchema,
    handler: async (ask) => {
      const { db, agencyId, params, body, by, now } = ask;
      const terms = await provenTerms(ask, params.id, body.terms);
      await addTariff(db, { agencyId, id: params.id }, { validFrom: body.validFrom, terms }, by, now);
      return tariffs(ask, params.id);
    },
  });

  api.define({
    method: 'GET',
    url: '/listings/:id/prices',
    summary: 'Сколько объект стоит в каждом кабинете сегодня и с какого дня иначе',
    policy: { deed: 'see-listings', of: 'listing', token: 'listings:read' },
    params: Id,
    answer: PriceSchema,
    handler: async (ask): Promise<PriceAnswer> => {
      const { db, boards, agencyId, caller, params } = ask;
      const listing = (await findListings(db, agencyId, String(params.id))).find(({ id }) => id === params.id);
      if (!listing) throw notFound();
      const { kind, deal, region = null, priceKopecks = null } = listing.values;
      const marks = await marksOf(db, agencyId, listing.id);
      const data: PriceAnswer['data'] = [];
      for (const cabinet of await cabinetDesks(db.pool, agencyId)) {
        const isMarked = marks.some(({ cabinetId, isLive }) => cabinetId === cabinet.id && isLive);
        if (!isMarked && !mayDo(caller, 'see-listings', placeOfCabinet(cabinet))) continue;
        const desk = await priceDesk(ask, cabinet.id);
        const { current, next } = pricesOf(desk, { kind, deal, region, priceKopecks });
        data.push({
          cabinetId: cabinet.id,
          cabinet: cabinetTitle(boards, cabinet),
          isMarked,
          unitLabel: PRICE_UNITS[desk.unit],
          current,
          next,
        });
      }
      return { data };
    },
  });
}

type Any = Pick<Ask<unknown, unknown, unknown>, 'db' | 'boards' | 'agencyId' | 'caller' | 'now'>;

interface Desk extends PriceDesk<TariffRow> {
  readonly zone: string;
}

async function priceDesk({ db, agencyId, now }: Any, id: number): Promise<Desk> {
  const cabinet = { agencyId, id };
  const { zone, today, package: pack } = await packageFrame(db, cabinet, now);
  const unit = pack?.kind === 'placements' ? 'placement' : 'day';
  return { tariffs: await listTariffs(db.pool, cabinet), zone, today, unit, isPackaged: pack !== null };
}

/** @throws Refusal `tariff-wrong` with all that is wrong */
async function provenTerms(ask: Any, id: number, written: unknown): Promise<TariffTerms> {
  const [cabinet] = await cabinetDesks(ask.db.pool, ask.agencyId, id);
  return readTariff(written, levelsOf(ask, cabinet!.board));
}

const levelsOf = ({ boards }: Any, board: string) => boards.find(({ id }) => id === board)?.promotion.levels ?? [];

async function tariffs(ask: Any, id: number): Promise<TariffsAnswer> {
  const desk = await priceDesk(ask, id);
  const cabinet = await cabinetLine(ask, id);
  return {
    cabinet,
    today: desk.today,
    earliest: addDays(desk.today, 1),
    zone: desk.zone,
    unit: desk.unit,
    unitLabel: PRICE_UNITS[desk.unit],
    isPackaged: desk.isPackaged,
    data: statesOf(desk)
      .map(({ tariff, until, state }) => ({
        id: tariff.id,
        state,
        stateLabel: STATE_LABELS[state],
        validFrom: tariff.validFrom,
        until,
        by: tariff.by,
        addedAt: tariff.createdAt.toISOString(),
        terms: tariff.terms,
        lines: termsText(tariff.terms, desk),
      }))
      .reverse(),
    kinds: KINDS.map((value) => ({ value, label: KIND_LABELS[value] })),
    deals: DEALS.map((value) => ({ value, label: DEAL_LABELS[value] })),
    regions: await listRegions(ask.db.pool, ask.agencyId),
    levels: levelsOf(ask, cabinet.board).map(({ code, label, days }) => ({ code, label, days })),
  };
}

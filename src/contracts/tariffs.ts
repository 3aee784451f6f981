import Type, { type Static, type TSchema } from 'typebox';
import { TariffTermsSchema } from '../domain/tariff.ts';
import { CabinetSchema } from './settings.ts';

/** What a cabinet's adverts cost. A tariff is written down once and never changed; a newer one takes over. */

export type { PriceLine, TariffTerms } from '../domain/tariff.ts';

const nullable = <S extends TSchema>(schema: S) => Type.Union([schema, Type.Null()]);
const body = <P extends Parameters<typeof Type.Object>[0]>(properties: P) =>
  Type.Object(properties, { additionalProperties: false });
const count = Type.Integer();
const choice = Type.Array(Type.Object({ value: Type.String(), label: Type.String() }));
export const TARIFF_STATES = ['past', 'current', 'coming', 'replaced'] as const;

export const TariffSchema = Type.Object({
  id: count,
  state: Type.Unsafe<(typeof TARIFF_STATES)[number]>({ type: 'string', enum: [...TARIFF_STATES] }),
  stateLabel: Type.String(),
  /** First and last day of the cabinet; null: until the next one. */
  validFrom: Type.String(),
  until: nullable(Type.String()),
  by: Type.String(),
  addedAt: Type.String(),
  terms: TariffTermsSchema,
  /** Every price in a line of its own. */
  lines: Type.Array(Type.String()),
});
export type TariffAnswer = Static<typeof TariffSchema>;

export const TariffsSchema = Type.Object({
  cabinet: CabinetSchema,
  /** The cabinet's local day and zone; a new tariff begins on `earliest` at the earliest. */
  today: Type.String(),
  earliest: Type.String(),
  zone: Type.String(),
  /** «в день» or «за размещение». */
  unit: Type.Unsafe<'day' | 'placement'>({ type: 'string', enum: ['day', 'placement'] }),
  unitLabel: Type.String(),
  isPackaged: Type.Boolean(),
  data: Type.Array(TariffSchema),
  kinds: choice,
  deals: choice,
  /** Regions of the agency's listings. */
  regions: Type.Array(Type.String()),
  /** Paid levels of the board; `days` null: any. */
  levels: Type.Array(Type.Object({ code: Type.String(), label: Type.String(), days: nullable(count) })),
});
export type TariffsAnswer = Static<typeof TariffsSchema>;

/** Sums in kopecks; what is wrong in them is told line by line (`tariff-wrong`). */
export const TariffTrySchema = body({ terms: Type.Unknown() });
export const NewTariffSchema = body({ validFrom: Type.String({ maxLength: 10 }), terms: Type.Unknown() });
export type NewTariffBody = Static<typeof NewTariffSchema>;

export const TariffTrialSchema = Type.Object({
  /** Marked listings that each line decides, in the order of the lines. */
  listings: Type.Array(count),
  marks: count,
  /** What all of them cost by the tariff that holds and by this one. */
  nowKopecks: count,
  thenKopecks: count,
  changed: count,
  /** Regions named that no listing has: a misspelt one fits nobody. */
  unknownRegions: Type.Array(Type.String()),
  lines: Type.Array(Type.String()),
});
export type TariffTrial = Static<typeof TariffTrialSchema>;

const quote = Type.Object({
  priceKopecks: count,
  /** Counted from 1. */
  line: count,
  conditions: Type.String(),
});
const quotes = nullable(
  Type.Object({ tariffId: count, validFrom: Type.String(), price: quote, excess: nullable(quote) }),
);
export const PriceSchema = Type.Object({
  data: Type.Array(
    Type.Object({
      cabinetId: count,
      cabinet: Type.String(),
      isMarked: Type.Boolean(),
      unitLabel: Type.String(),
      /** null: no tariff, it is free. */
      current: quotes,
      /** The next other price that is written down. */
      next: quotes,
    }),
  ),
});
export type PriceAnswer = Static<typeof PriceSchema>;

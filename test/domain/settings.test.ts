import { describe, expect, it } from 'vitest';
import { newAjv } from '../../src/boards/check.ts';
import { KINDS } from '../../src/domain/listing.ts';
import {
  AGENCY_DEFAULTS,
  AgencySettingsSchema,
  CABINET_DEFAULTS,
  CabinetSettingsSchema,
  settled,
} from '../../src/domain/settings.ts';

const isAgency = newAjv().compile(AgencySettingsSchema);
const isCabinet = newAjv().compile(CabinetSettingsSchema);

describe('what an agency set, laid over the defaults', () => {
  it('is the defaults where nothing was set', () => {
    for (const own of [undefined, null, {}]) {
      expect(settled(AGENCY_DEFAULTS, own)).toEqual(AGENCY_DEFAULTS);
      expect(settled(CABINET_DEFAULTS, own)).toEqual(CABINET_DEFAULTS);
    }
  });

  it('changes one value and leaves its neighbours, however deep', () => {
    const own = { freshness: { askHours: { rent: 12 } }, brake: { isOn: false } } as unknown as Parameters<
      typeof settled<typeof AGENCY_DEFAULTS>
    >[1];
    expect(settled(AGENCY_DEFAULTS, own)).toEqual({
      ...AGENCY_DEFAULTS,
      freshness: { ...AGENCY_DEFAULTS.freshness, askHours: { sale: 72, rent: 12 } },
      brake: { ...AGENCY_DEFAULTS.brake, isOn: false },
    });
  });

  it.each<[string, object, object]>([
    ['lists are taken whole', { slots: ['09:00', '18:00'] }, { slots: ['09:00'] }],
    ['nothing is a value', { archiveAfterDays: 30 }, { archiveAfterDays: null }],
    ['zero and no are values', { saleDays: 30, isOn: true }, { saleDays: 0, isOn: false }],
    ['something takes the place of nothing', { package: null }, { package: { kind: 'concurrent', places: 5 } }],
  ])('%s', (_, defaults, own) => {
    expect(settled(defaults, own)).toEqual(own);
  });

  it('keeps what only the agency has named: a policy is taken whole, so a field can be taken out of it', () => {
    const policy = { title: 'pass' as const };
    const moderation = settled(AGENCY_DEFAULTS, { moderation: { policy } as never }).moderation;
    expect(moderation).toEqual({ ...AGENCY_DEFAULTS.moderation, policy });
  });

  it('takes a package whole: another kind has other words', () => {
    const package_ = { kind: 'concurrent' as const, places: 5 };
    const placements = {
      kind: 'placements' as const,
      placements: 9,
      from: '2026-11-01',
      periodDays: 30,
      termDays: 10,
    };
    const before = settled(CABINET_DEFAULTS, { package: package_ });
    expect(settled(before, { package: placements }).package).toEqual(placements);
    expect(settled(before, { package: null }).package).toBeNull();
  });

  it('never touches the defaults', () => {
    const before = structuredClone(AGENCY_DEFAULTS);
    const made = settled(AGENCY_DEFAULTS, { market: { ...AGENCY_DEFAULTS.market, requiresStage: true } });
    expect(made.market.requiresStage).toBe(true);
    expect(AGENCY_DEFAULTS).toEqual(before);
  });
});

describe('the defaults', () => {
  it('are settings', () => {
    expect([isAgency(AGENCY_DEFAULTS), isAgency.errors]).toEqual([true, null]);
    expect([isCabinet(CABINET_DEFAULTS), isCabinet.errors]).toEqual([true, null]);
  });

  it.each(
    Object.entries(AGENCY_DEFAULTS).flatMap(([group, values]) =>
      Object.entries(values).map(([name, value]) => [`${group}.${name}`, value] as const),
    ),
  )('%s is valid by itself', (path, value) => {
    const [group, name] = path.split('.') as [keyof typeof AgencySettingsSchema.properties, string];
    const { properties } = AgencySettingsSchema.properties[group] as { properties: Record<string, object> };
    const isValid = newAjv().compile(properties[name]!);
    expect([isValid(value), isValid.errors]).toEqual([true, null]);
  });

  it('say what the design says', () => {
    expect(AGENCY_DEFAULTS).toMatchObject({
      freshness: { saleDays: 30, rentDays: 3, callBack: { notRentedHours: 72, noAnswerHours: 24, busyHours: 1 } },
      moderation: { mode: 'off', mayApproveOwn: false },
      brake: { isOn: true, sharePercent: 20, offers: 10, priceFactor: 10 },
      runs: { gatherSeconds: 300 },
    });
    expect(CABINET_DEFAULTS).toMatchObject({ turnDays: 7, moderation: null, package: null });
  });

  it('ask a moderator for reasons once each', () => {
    const codes = AGENCY_DEFAULTS.moderation.returnReasons.map(({ code }) => code);
    expect(new Set(codes).size).toBe(codes.length);
    for (const { text } of AGENCY_DEFAULTS.moderation.returnReasons) expect(text).toMatch(/^[А-ЯЁ].*\.$/);
  });
});

describe('the schemas refuse', () => {
  it.each<[string, object]>([
    ['a group nobody knows', { ...AGENCY_DEFAULTS, other: {} }],
    ['a value nobody knows', { ...AGENCY_DEFAULTS, brake: { ...AGENCY_DEFAULTS.brake, on: true } }],
    ['a missing group', { ...AGENCY_DEFAULTS, brake: undefined }],
    ['a price that jumps by nothing', { ...AGENCY_DEFAULTS, brake: { ...AGENCY_DEFAULTS.brake, priceFactor: 1 } }],
    ['more than all', { ...AGENCY_DEFAULTS, brake: { ...AGENCY_DEFAULTS.brake, sharePercent: 101 } }],
    ['an hour that is none', { ...AGENCY_DEFAULTS, runs: { gatherSeconds: 0, slots: ['24:00'] } }],
    [
      'a moderation that is half on',
      { ...AGENCY_DEFAULTS, moderation: { ...AGENCY_DEFAULTS.moderation, mode: 'half' } },
    ],
    [
      'a stage without an effect',
      { ...AGENCY_DEFAULTS, market: { ...AGENCY_DEFAULTS.market, stages: [{ name: 'Договор' }] } },
    ],
    [
      'no reason to return for',
      { ...AGENCY_DEFAULTS, moderation: { ...AGENCY_DEFAULTS.moderation, returnReasons: [] } },
    ],
    [
      'a term of no kind we know',
      { ...AGENCY_DEFAULTS, terms: { ...AGENCY_DEFAULTS.terms, defaults: [{ kind: 'castle', days: 30 }] } },
    ],
  ])('%s', (_, settings) => {
    expect(isAgency(settings)).toBe(false);
  });

  it.each<[string, object | null, boolean]>([
    ['no package', null, true],
    ['no places', { kind: 'concurrent', places: 0 }, true],
    ['half a place', { kind: 'concurrent', places: 0.5 }, false],
    ['places of placements', { kind: 'placements', places: 5 }, false],
    [
      'placements by the month',
      { kind: 'placements', placements: 10, from: '2026-11-01', periodDays: 30, termDays: 30 },
      true,
    ],
    [
      'a placement of no days',
      { kind: 'placements', placements: 10, from: '2026-11-01', periodDays: 30, termDays: 0 },
      false,
    ],
  ])('or take a package: %s', (_, pack, isTaken) => {
    expect(isCabinet({ ...CABINET_DEFAULTS, package: pack })).toBe(isTaken);
  });

  it('and take a term for every kind', () => {
    const defaults = KINDS.map((kind) => ({ kind, days: 30 }));
    expect(isAgency({ ...AGENCY_DEFAULTS, terms: { ...AGENCY_DEFAULTS.terms, defaults } })).toBe(true);
  });
});

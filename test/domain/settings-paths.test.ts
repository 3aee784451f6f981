import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  AGENCY_DEFAULTS,
  AgencySettingsSchema,
  CABINET_DEFAULTS,
  CabinetSettingsSchema,
  settled,
} from '../../src/domain/settings.ts';
import {
  describeSchema,
  differences,
  keysOf,
  leavesOf,
  type SettingsSchema,
  schemaAt,
  valueAt,
  withValueAt,
} from '../../src/domain/settings-paths.ts';

const agency = AgencySettingsSchema as SettingsSchema;
const cabinet = CabinetSettingsSchema as SettingsSchema;
const at = (schema: SettingsSchema, path: string) => schemaAt(schema, path.split('.'));

describe('paths of the settings', () => {
  it.each([
    ['freshness.saleDays', 'целое число от 0 до 3650'],
    ['freshness.archiveAfterDays', 'целое число от 0 до 3650 или null'],
    ['moderation.mode', 'off или on'],
    ['market.reservedWithdraws', 'true или false'],
    ['market.stages.0.effect', 'permits, not-yet или withdraws'],
    ['moderation.policy.priceKopecks', 'look, pass или объект JSON с полями downPercent, upPercent'],
    ['moderation.policy.priceKopecks.downPercent', 'число от 0 до 100'],
    ['runs.slots', 'список JSON, в нём время ЧЧ:ММ'],
    ['texts.templates.3.text', 'текст'],
    ['money.payer', 'employee, department, branch или agency'],
    ['money.warnDays', 'целое число от 0 до 365'],
  ])('%s may be: %s', (path, told) => {
    expect(describeSchema(at(agency, path)!)).toBe(told);
  });

  it.each([
    'freshness.days',
    'market.stages.first',
    'moderation.mode.deeper',
    'constructor',
    'market.toString',
  ])('%s is no path', (path) => {
    expect(at(agency, path)).toBeUndefined();
  });

  it('lead through every kind of package', () => {
    expect(describeSchema(at(cabinet, 'package.places')!)).toBe('целое число от 0 до 1000000');
    expect(describeSchema(at(cabinet, 'package.from')!)).toBe('день ГГГГ-ММ-ДД');
    expect(describeSchema(at(cabinet, 'chargeAt')!)).toBe('время ЧЧ:ММ');
    expect(keysOf(at(cabinet, 'package')!)).toEqual(['kind', 'places', 'placements', 'from', 'periodDays', 'termDays']);
  });

  it('are all there: every default stands at a path that the schema knows', () => {
    for (const [schema, defaults] of [
      [agency, AGENCY_DEFAULTS],
      [cabinet, CABINET_DEFAULTS],
    ] as const) {
      for (const { path, value } of leavesOf(defaults)) {
        expect([path, schemaAt(schema, path.split('.')) === undefined]).toEqual([path, false]);
        expect(valueAt(defaults, path.split('.'))).toBe(value);
      }
    }
  });
});

const wild = fc.oneof(
  fc.integer(),
  fc.constantFrom(null, true, 'look', [], ['09:00'], {}, { kind: 'concurrent', places: 3 }, { priceKopecks: 'pass' }),
);
const leaves = leavesOf(AGENCY_DEFAULTS).map(({ path }) => path);

describe('what is kept', () => {
  it('gives the settings back when laid over the defaults, whatever was changed', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom(...leaves), wild), { maxLength: 5 }), (changes) => {
        let whole: object = AGENCY_DEFAULTS;
        for (const [path, value] of changes) whole = withValueAt(whole, path.split('.'), value);
        const kept = differences<object>(AGENCY_DEFAULTS, whole);
        expect(settled<object>(AGENCY_DEFAULTS, kept)).toEqual(whole);
      }),
    );
  });

  it('is nothing when nothing differs, and only the value that does', () => {
    expect(differences(AGENCY_DEFAULTS, structuredClone(AGENCY_DEFAULTS))).toEqual({});
    const changed = withValueAt(AGENCY_DEFAULTS, ['freshness', 'askHours', 'rent'], 12);
    expect(differences(AGENCY_DEFAULTS, changed)).toEqual({ freshness: { askHours: { rent: 12 } } });
    expect(AGENCY_DEFAULTS.freshness.askHours.rent).toBe(24);
    const policy = withValueAt(AGENCY_DEFAULTS, ['moderation', 'policy', 'title'], 'pass');
    expect(differences(AGENCY_DEFAULTS, policy)).toEqual({
      moderation: { policy: { ...AGENCY_DEFAULTS.moderation.policy, title: 'pass' } },
    });
    expect(withValueAt(policy, ['moderation', 'policy', 'title'], undefined)).toEqual(AGENCY_DEFAULTS);
  });
});

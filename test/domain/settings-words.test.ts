import { describe, expect, it } from 'vitest';
import { AgencySettingsSchema, CabinetSettingsSchema } from '../../src/domain/settings.ts';
import { pathsOf, type SettingsSchema, schemaAt } from '../../src/domain/settings-paths.ts';
import {
  AGENCY_SETTING_WORDS,
  CABINET_SETTING_WORDS,
  SETTING_SECTIONS,
  type SettingWords,
} from '../../src/domain/settings-words.ts';

const ALL: readonly (readonly [string, SettingsSchema, Readonly<Record<string, SettingWords>>])[] = [
  ['the agency', AgencySettingsSchema as SettingsSchema, AGENCY_SETTING_WORDS],
  ['a cabinet', CabinetSettingsSchema as SettingsSchema, CABINET_SETTING_WORDS],
];

/** The closed list of a setting, or of its lines' field. */
function choicesAt(schema: SettingsSchema, path: string): string[] {
  const at = schemaAt(schema, path.replace('*', '0').split('.'))!;
  const open = [at, ...(at.anyOf ?? [])];
  return open.flatMap(({ enum: values }) => values ?? []).map(String);
}

describe.each(ALL)('the settings of %s', (_, schema, words) => {
  it('are all explained, and nothing else is', () => {
    expect(Object.keys(words).sort()).toEqual(pathsOf(schema).sort());
    for (const { label, about } of Object.values(words)) {
      expect(label).not.toMatch(/[.\n]$/);
      expect(about).toMatch(/[.…]$/);
    }
  });

  it('have a word for every value of a closed list', () => {
    for (const path of pathsOf(schema)) {
      const told = words[path]!;
      // Boards are data: they have names of their own.
      const wanted = path.endsWith('.board') ? [] : choicesAt(schema, path);
      expect([path, wanted.filter((value) => !told.choices?.[value])]).toEqual([path, []]);
    }
  });

  it('have a unit wherever a number stands', () => {
    for (const path of pathsOf(schema)) {
      const at = schemaAt(schema, path.replace('*', '0').split('.'))!;
      const isNumber = [at, ...(at.anyOf ?? [])].some(({ type }) => type === 'integer' || type === 'number');
      expect([path, isNumber, words[path]!.unit !== undefined]).toEqual([path, isNumber, isNumber]);
    }
  });

  it('say what nothing means wherever nothing may stand', () => {
    for (const path of pathsOf(schema).filter((one) => !one.includes('*'))) {
      const at = schemaAt(schema, path.split('.'))!;
      const mayBeNothing = (at.anyOf ?? []).some(({ type }) => type === 'null');
      expect([path, words[path]!.empty !== undefined]).toEqual([path, mayBeNothing]);
    }
  });
});

it('names every part of the settings', () => {
  const schema = AgencySettingsSchema as SettingsSchema;
  expect(Object.keys(SETTING_SECTIONS).sort()).toEqual(Object.keys(schema.properties!).sort());
});

import Type from 'typebox';
import {
  AGENCY_DESK,
  CABINET_DESK,
  changedSettings,
  type SettingsDesk,
  type SettingsWish,
} from '../boards/settings.ts';
import {
  type CabinetSettingsAnswer,
  CabinetSettingsAnswerSchema,
  type Effect,
  EffectSchema,
  type ModerationAnswer,
  ModerationSchema,
  type SettingsAnswer,
  SettingsSchema,
  SettingsWishSchema,
  type SwitchEffect,
  SwitchEffectSchema,
  SwitchSchema,
} from '../contracts/settings.ts';
import { Refusal } from '../domain/fault.ts';
import { FIELDS, ListingSchema, labelOf } from '../domain/listing.ts';
import { fieldLabel, moderationFor, UNMODERATED_FIELDS } from '../domain/moderation.ts';
import { mayDo, OF_AGENCY } from '../domain/rights.ts';
import { type AgencySettings, CABINET_DEFAULTS, type CabinetSettings, settled } from '../domain/settings.ts';
import { type FormSetting, type MoreChoices, settingsForm } from '../domain/settings-form.ts';
import { SETTING_SECTIONS } from '../domain/settings-words.ts';
import type { FrameChange } from '../export/frame.ts';
import { placeOfCabinet } from '../store/access.ts';
import { cabinetDesks } from '../store/cabinets.ts';
import { acceptable, switchOn } from '../store/moderation.ts';
import {
  agencyFrame,
  cabinetSettings,
  changeAgencySettings,
  changeCabinetSettings,
  versionOf,
} from '../store/settings.ts';
import type { Api, Ask } from './api.ts';
import { cabinetLine, cabinetTitle, effectOf, NO_EFFECT } from './cabinets.ts';

/** What the agency and its cabinets decide for themselves: shown with its words, tried, changed. */

const Id = Type.Object({ id: Type.Integer() });

export function settingsRoutes(api: Api): void {
  api.define({
    method: 'GET',
    url: '/settings',
    summary: 'Настройки агентства: значения, обычные значения и что они значат',
    policy: { deed: 'see-settings', of: 'agency', token: 'settings:read' },
    answer: SettingsSchema,
    isVersioned: true,
    handler: agencySettings,
  });

  api.define({
    method: 'POST',
    url: '/settings/rehearse',
    summary: 'Что изменится на досках, если так настроить; ничего не сохраняет',
    policy: { deed: 'see-settings', of: 'agency', token: 'settings:read' },
    body: SettingsWishSchema,
    answer: EffectSchema,
    handler: async (ask): Promise<Effect> => {
      const { own } = await agencyFrame(ask.db, ask.agencyId);
      const changed = changedSettings(AGENCY_DESK, own, ask.body);
      return isFelt(AGENCY_DESK, changed) ? effectOf(ask, { agency: changed.own }) : NO_EFFECT;
    },
  });

  for (const [url, summary, policy, parts] of [
    [
      '/settings',
      'Изменить настройки агентства',
      { deed: 'settings', of: 'agency', token: 'settings:write' },
      ['market', 'freshness', 'terms', 'moderation', 'runs', 'brake', 'photos', 'texts', 'money'],
    ],
    [
      '/settings/texts',
      'Изменить шаблоны описаний и формулы',
      { deed: 'templates', of: 'agency', token: 'settings:write' },
      ['texts.templates', 'texts.formulas'],
    ],
    // Who must come in by two things: as dangerous as rights.
    [
      '/settings/access',
      'Изменить требования ко входу',
      { deed: 'settings', of: 'agency', token: null, needsProof: true },
      ['access'],
    ],
  ] as const) {
    api.define({
      method: 'PATCH',
      url,
      summary,
      policy,
      body: SettingsWishSchema,
      answer: SettingsSchema,
      isVersioned: true,
      handler: async (ask) => {
        provePart(ask.body, parts);
        await changeAgency(ask, ask.body);
        return agencySettings(ask);
      },
    });
  }

  api.define({
    method: 'GET',
    url: '/cabinets/:id/settings',
    summary: 'Настройки кабинета',
    policy: { deed: 'see-settings', of: 'cabinet', token: 'settings:read' },
    params: Id,
    answer: CabinetSettingsAnswerSchema,
    isVersioned: true,
    handler: (ask) => ofCabinet(ask, ask.params.id),
  });

  api.define({
    method: 'POST',
    url: '/cabinets/:id/settings/rehearse',
    summary: 'Что изменится на доске, если так настроить кабинет; ничего не сохраняет',
    policy: { deed: 'see-settings', of: 'cabinet', token: 'settings:read' },
    params: Id,
    body: SettingsWishSchema,
    answer: EffectSchema,
    handler: async (ask): Promise<Effect> => {
      const { id } = ask.params;
      const { own } = await cabinetSettings(ask.db, ask.agencyId, id);
      const changed = changedSettings(CABINET_DESK, own, ask.body);
      return isFelt(CABINET_DESK, changed)
        ? effectOf(ask, { cabinets: new Map([[id, changed.own as Partial<CabinetSettings>]]) }, id)
        : NO_EFFECT;
    },
  });

  api.define({
    method: 'PATCH',
    url: '/cabinets/:id/settings',
    summary: 'Изменить настройки кабинета',
    policy: { deed: 'settings', of: 'cabinet', token: 'settings:write' },
    params: Id,
    body: SettingsWishSchema,
    answer: CabinetSettingsAnswerSchema,
    isVersioned: true,
    handler: async (ask) => {
      const { db, agencyId, by, now, params, body } = ask;
      let changed: ReturnType<typeof changedSettings>;
      await changeCabinetSettings(
        db,
        agencyId,
        params.id,
        (own) => {
          ask.match(versionOf(own));
          changed = changedSettings(CABINET_DESK, own, body);
          return changed.own;
        },
        () => changed.changes.map((facts) => ({ by, action: 'settings-set', facts })),
        now,
      );
      return ofCabinet(ask, params.id);
    },
  });

  moderationRoutes(api);
}

type Any = Ask<unknown, unknown, unknown>;

/** A change of rights, or of who may come in how, has a door of its own that asks who it is. */
function provePart({ set = {}, reset = [] }: SettingsWish, parts: readonly string[]): void {
  const isHere = (path: string) => parts.some((part) => path === part || path.startsWith(`${part}.`));
  const foreign = [...Object.keys(set), ...reset].find((path) => !isHere(path));
  if (foreign === undefined) return;
  const part = SETTING_SECTIONS[foreign.split('.')[0] as keyof typeof SETTING_SECTIONS];
  throw new Refusal(
    'setting-elsewhere',
    part === undefined
      ? `Настройки «${foreign.slice(0, 100)}» нет.`
      : `«${foreign.slice(0, 100)}»: это меняют не здесь, а в части «${part}».`,
    2,
  );
}

async function changeAgency(ask: Any, wish: SettingsWish): Promise<void> {
  const { db, agencyId, by, now } = ask;
  let changed: ReturnType<typeof changedSettings>;
  await changeAgencySettings(
    db,
    agencyId,
    (own) => {
      ask.match(versionOf(own));
      changed = changedSettings(AGENCY_DESK, own, wish);
      return changed.own;
    },
    () => changed.changes.map((facts) => ({ by, action: 'settings-set', facts })),
    now,
  );
}

/** Does it touch anything that decides who goes out or who pays? */
function isFelt({ words }: SettingsDesk, { changes }: Pick<ReturnType<typeof changedSettings>, 'changes'>): boolean {
  return changes.some(({ path }) => {
    const parts = path.split('.');
    return parts.some((_, index) => words[parts.slice(0, index + 1).join('.')]?.isFelt);
  });
}

async function agencySettings({ db, boards, agencyId, caller }: Any): Promise<SettingsAnswer> {
  const { settings, own } = await agencyFrame(db, agencyId);
  const form = settingsForm(AGENCY_DESK, settings, choices(boards));
  return {
    version: versionOf(own),
    sections: Object.entries(SETTING_SECTIONS)
      // The table of rights has a screen of its own.
      .filter(([id]) => id !== 'rights')
      .map(([id, label]) => ({ id, label, fields: form.filter(({ path }) => path.split('.')[0] === id) })),
    may: { settings: mayDo(caller, 'settings', OF_AGENCY), templates: mayDo(caller, 'templates', OF_AGENCY) },
  };
}

const choices = (boards: Any['boards']): MoreChoices => ({
  'terms.defaults.*.board': boards.map(({ id, name }) => ({ value: id, label: name })),
  'moderation.returnReasons.*.field': FIELDS.filter(isModerated).map((field) => ({
    value: field,
    label: labelOf(field),
  })),
});

async function ofCabinet(ask: Any, id: number): Promise<CabinetSettingsAnswer> {
  const { settings, own } = await cabinetSettings(ask.db, ask.agencyId, id);
  return {
    version: versionOf(own),
    cabinet: await cabinetLine(ask, id),
    fields: settingsForm(CABINET_DESK, settings),
  };
}

// ---------------------------------------------------------------------------------------------------------------------
// Moderation.

function moderationRoutes(api: Api): void {
  api.define({
    method: 'GET',
    url: '/settings/moderation',
    summary: 'Модерация: где включена, что проходит без проверки, причины возврата',
    policy: { deed: 'see-settings', of: 'agency', token: 'settings:read' },
    answer: ModerationSchema,
    isVersioned: true,
    handler: moderation,
  });

  api.define({
    method: 'POST',
    url: '/settings/moderation/rehearse',
    summary: 'Что станет с досками, если включить или выключить модерацию в агентстве; ничего не сохраняет',
    policy: { deed: 'see-settings', of: 'agency', token: 'settings:read' },
    body: SwitchSchema,
    answer: SwitchEffectSchema,
    handler: async (ask): Promise<SwitchEffect> => {
      const { own, settings } = await agencyFrame(ask.db, ask.agencyId);
      const { mode } = ask.body;
      return switched(ask, { agency: { ...own, moderation: { ...settings.moderation, mode } } }, null);
    },
  });

  api.define({
    method: 'PUT',
    url: '/settings/moderation',
    summary: 'Включить или выключить модерацию во всём агентстве',
    policy: { deed: 'moderation', of: 'agency', token: 'settings:write' },
    body: SwitchSchema,
    answer: ModerationSchema,
    isVersioned: true,
    handler: async (ask) => {
      const { db, agencyId, caller, body, now } = ask;
      const options = { acceptsCurrent: body.acceptsCurrent ?? true, actor: caller };
      await switchOn(db, agencyId, { agency: true }, body.mode, options, now);
      return moderation(ask);
    },
  });

  api.define({
    method: 'POST',
    url: '/cabinets/:id/moderation/rehearse',
    summary: 'Что станет с доской, если включить или выключить модерацию в кабинете; ничего не сохраняет',
    policy: { deed: 'see-settings', of: 'cabinet', token: 'settings:read' },
    params: Id,
    body: SwitchSchema,
    answer: SwitchEffectSchema,
    handler: async (ask): Promise<SwitchEffect> => {
      const { id } = ask.params;
      const { own } = await cabinetSettings(ask.db, ask.agencyId, id);
      return switched(ask, { cabinets: new Map([[id, { ...own, moderation: ask.body.mode }]]) }, id);
    },
  });

  api.define({
    method: 'PUT',
    url: '/cabinets/:id/moderation',
    summary: 'Включить или выключить модерацию в одном кабинете',
    policy: { deed: 'moderation', of: 'cabinet', token: 'settings:write' },
    params: Id,
    body: SwitchSchema,
    answer: CabinetSettingsAnswerSchema,
    isVersioned: true,
    handler: async (ask) => {
      const { db, agencyId, caller, body, params, now } = ask;
      const options = { acceptsCurrent: body.acceptsCurrent ?? true, actor: caller };
      await switchOn(db, agencyId, { cabinetId: params.id }, body.mode, options, now);
      return ofCabinet(ask, params.id);
    },
  });
}

/** What is accepted as it is stays on the boards. */
async function switched(
  ask: Ask<unknown, unknown, { readonly mode: 'on' | 'off'; readonly acceptsCurrent?: boolean | undefined }>,
  change: FrameChange,
  cabinetId: number | null,
): Promise<SwitchEffect> {
  const { mode, acceptsCurrent = true } = ask.body;
  const isAccepting = mode === 'on' && acceptsCurrent;
  const approved = isAccepting ? await acceptable(ask.db.pool, ask.agencyId, cabinetId) : new Set<number>();
  const effect = await effectOf(ask, { ...change, approved }, cabinetId ?? undefined);
  return { ...effect, accepted: approved.size };
}

const isModerated = (field: string) =>
  field !== 'boardFields' && !(UNMODERATED_FIELDS as readonly string[]).includes(field);

async function moderation({ db, boards, agencyId, caller }: Any): Promise<ModerationAnswer> {
  const { settings, own } = await agencyFrame(db, agencyId);
  const form = settingsForm(AGENCY_DESK, settings, choices(boards));
  const at = (path: string) => form.find((field) => field.path === path)!;
  return {
    version: versionOf(own),
    mode: settings.moderation.mode,
    fields: form.filter(isPlain),
    policySetting: at('moderation.policy'),
    policy: policyLines(settings),
    reasons: at('moderation.returnReasons'),
    cabinets: (await cabinetDesks(db.pool, agencyId)).map((desk) => {
      const mine = settled(CABINET_DEFAULTS, desk.settings);
      return {
        id: desk.id,
        title: cabinetTitle(boards, desk),
        own: mine.moderation,
        mode: moderationFor(settings, mine).mode,
        may: mayDo(caller, 'moderation', placeOfCabinet(desk)),
      };
    }),
    may: { moderation: mayDo(caller, 'moderation', OF_AGENCY), settings: mayDo(caller, 'settings', OF_AGENCY) },
  };
}

const OWN_TABLES = ['moderation.mode', 'moderation.policy', 'moderation.returnReasons'];
const isPlain = ({ path }: FormSetting) => path.startsWith('moderation.') && !OWN_TABLES.includes(path);

/** Every field that a moderator looks at, and whatever else the policy names. */
function policyLines({ moderation: { policy } }: AgencySettings): ModerationAnswer['policy'] {
  const names = [...new Set([...FIELDS.filter(isModerated), ...Object.keys(policy).filter(isModerated)])];
  return names.map((field) => {
    const { type } = ((ListingSchema.properties as Record<string, { type?: string }>)[field] ?? {}) as {
      type?: string;
    };
    return {
      field,
      label: fieldLabel(field),
      isNumber: type === 'number' || type === 'integer',
      policy: policy[field] ?? 'look',
    };
  });
}

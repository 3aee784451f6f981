import Type from 'typebox';
import {
  MarkingAppliedSchema,
  type MarkingRuleBody,
  MarkingRuleBodySchema,
  MarkingRuleSchema,
  type MarkingRulesAnswer,
  MarkingRulesSchema,
  type MarkingTrial,
  MarkingTrialSchema,
  type TextTrial,
  TextTrialSchema,
  TextTrySchema,
  type TextWords,
  TextWordsSchema,
} from '../contracts/marking.ts';
import {
  changeableIn,
  checkTemplate,
  FORMULA_FIELDS,
  namesForFormula,
  PLACEHOLDERS,
  writeText,
} from '../domain/autotext.ts';
import { Refusal } from '../domain/fault.ts';
import { checkFormula, FORMULA_FUNCTIONS } from '../domain/formula.ts';
import { DEAL_LABELS, DEALS, describeKind, KIND_LABELS, KINDS, labelOf } from '../domain/listing.ts';
import { conditionFault, conditionText } from '../domain/marking.ts';
import { mayDo, OF_AGENCY } from '../domain/rights.ts';
import { AGENCY_DEFAULTS, CABINET_DEFAULTS, settled } from '../domain/settings.ts';
import { dryRun } from '../export/dry-run.ts';
import { placeOf } from '../store/access.ts';
import { listBranches } from '../store/agencies.ts';
import { cabinetDesks } from '../store/cabinets.ts';
import { atOneMoment } from '../store/database.ts';
import {
  applyMarkingRules,
  listMarkingRules,
  type MarkingRuleRow,
  removeMarkingRule,
  saveMarkingRule,
  wantedMarks,
} from '../store/marking.ts';
import { eachListing, findListings } from '../store/marks.ts';
import { agencyFrame, versionOf } from '../store/settings.ts';
import type { Api, Ask } from './api.ts';
import { cabinetTitle } from './cabinets.ts';
import { HttpProblem, notFound } from './problems.ts';

/** Rules by which new listings are marked, and templates by which empty descriptions are written. */

const Id = Type.Object({ id: Type.Integer() });

export function markingRoutes(api: Api): void {
  api.define({
    method: 'GET',
    url: '/marking-rules',
    summary: 'Правила, по которым новые объекты отмечаются сами',
    policy: { deed: 'see-settings', of: 'agency', token: 'settings:read' },
    answer: MarkingRulesSchema,
    handler: rules,
  });

  api.define({
    method: 'POST',
    url: '/marking-rules/rehearse',
    summary: 'Сколько объектов правило отметило бы сейчас и во сколько это обойдётся; ничего не сохраняет',
    policy: { deed: 'see-settings', of: 'agency', token: 'settings:read' },
    body: MarkingRuleBodySchema,
    answer: MarkingTrialSchema,
    handler: async (ask): Promise<MarkingTrial> => {
      const { db, boards, agencyId, body, now } = ask;
      const rule = proven(body);
      const wanted = (await wantedMarks(db, agencyId, undefined, [{ ...rule, isActive: true }])).filter(
        (group) => group.rule !== null,
      );
      const marks = wanted.map(({ cabinetId, ids }) => ({ cabinetId, listingIds: ids }));
      const { extra } = await atOneMoment(db, (client) => dryRun(client, boards, agencyId, { marks }, now));
      return {
        cabinets: await named(
          ask,
          wanted.map(({ cabinetId, ids }) => [cabinetId, ids.length] as const),
        ),
        marks: extra.marks,
        published: extra.published,
        unfunded: extra.unfunded,
        todayKopecks: extra.kopecks,
        aheadKopecks: extra.aheadKopecks,
      };
    },
  });

  api.define({
    method: 'PUT',
    url: '/marking-rules',
    summary: 'Сохранить правило отметки; правило с тем же названием заменяется, если назвать его версию',
    policy: { deed: 'marking-rules', of: 'agency', token: 'settings:write' },
    body: MarkingRuleBodySchema,
    answer: MarkingRuleSchema,
    isVersioned: true,
    handler: async (ask) => {
      const { db, agencyId, body, by, now, request } = ask;
      const rule = proven(body);
      const id = await saveMarkingRule(db, agencyId, rule, { name: by }, now, (known) => {
        if (known) ask.match(versionOfRule(known));
        else if (request.headers['if-match'] !== undefined)
          throw new HttpProblem(412, 'version-changed', 'Этого правила больше нет: его убрали, пока вы смотрели.');
      });
      return (await rules(ask)).data.find((line) => line.id === id)!;
    },
  });

  api.define({
    method: 'DELETE',
    url: '/marking-rules/:id',
    summary: 'Убрать правило; что им отмечено, остаётся отмеченным',
    policy: { deed: 'marking-rules', of: 'agency', token: 'settings:write' },
    params: Id,
    handler: async ({ db, agencyId, params, by, now }) => {
      const rule = (await listMarkingRules(db, agencyId)).find(({ id }) => id === params.id);
      if (!rule) throw notFound('Такого правила нет.');
      await removeMarkingRule(db, agencyId, rule.name, { name: by }, now);
    },
  });

  api.define({
    method: 'POST',
    url: '/marking-rules/apply',
    summary: 'Отметить по правилам сейчас; после загрузки объектов это делается само',
    policy: { deed: 'marking-rules', of: 'agency', token: 'settings:write' },
    answer: MarkingAppliedSchema,
    handler: async (ask) => ({
      cabinets: await named(ask, [...(await applyMarkingRules(ask.db, ask.agencyId, undefined, ask.now))]),
    }),
  });

  textRoutes(api);
}

type Any = Ask<unknown, unknown, unknown>;

/** @throws Refusal `rule-condition` */
function proven(body: MarkingRuleBody): MarkingRuleBody {
  const fault = conditionFault(body.when);
  if (fault) throw new Refusal('rule-condition', fault, 2);
  return { ...body, name: body.name.trim() };
}

const versionOfRule = ({ name, when, cabinetIds, termDays, isActive }: Omit<MarkingRuleRow, 'id'>) =>
  versionOf([name, when, cabinetIds, termDays, isActive]);

async function named({ db, boards, agencyId }: Any, counts: readonly (readonly [number, number])[]) {
  const sums = new Map<number, number>();
  for (const [id, marks] of counts) sums.set(id, (sums.get(id) ?? 0) + marks);
  const desks = await cabinetDesks(db.pool, agencyId);
  return desks
    .filter(({ id }) => sums.has(id))
    .map((desk) => ({ id: desk.id, name: cabinetTitle(boards, desk), marks: sums.get(desk.id)! }));
}

async function rules({ db, boards, agencyId, caller }: Any): Promise<MarkingRulesAnswer> {
  const desks = await cabinetDesks(db.pool, agencyId);
  const branches = await listBranches(db.pool, agencyId);
  const titles = new Map(desks.map((desk) => [desk.id, cabinetTitle(boards, desk)]));
  const branchNames = new Map(branches.map(({ id, name }) => [id, name]));
  return {
    data: (await listMarkingRules(db, agencyId)).map((row) => ({
      ...row,
      cabinetIds: [...row.cabinetIds],
      sentence: conditionText(row.when, (id) => branchNames.get(id) ?? `№ ${id}`),
      cabinets: row.cabinetIds.map((id) => titles.get(id) ?? `кабинет № ${id}`),
      version: versionOfRule(row),
    })),
    byDefault: desks
      .filter((desk) => settled(CABINET_DEFAULTS, desk.settings).marksByDefault)
      .map(({ id }) => titles.get(id)!),
    cabinets: desks.map(({ id }) => ({ id, name: titles.get(id)! })),
    branches: branches.map(({ id, name }) => ({ id, name })),
    kinds: KINDS.map((value) => ({ value, label: KIND_LABELS[value] })),
    deals: DEALS.map((value) => ({ value, label: DEAL_LABELS[value] })),
    may: { rules: mayDo(caller, 'marking-rules', OF_AGENCY) },
  };
}

// ---------------------------------------------------------------------------------------------------------------------
// Texts.

function textRoutes(api: Api): void {
  api.define({
    method: 'GET',
    url: '/settings/texts/words',
    summary: 'Что можно вставить в шаблон описания и взять в формулу',
    policy: { deed: 'see-settings', of: 'agency', token: 'settings:read' },
    answer: TextWordsSchema,
    handler: async ({ db, agencyId }): Promise<TextWords> => {
      const { formulas } = (await agencyFrame(db, agencyId)).settings.texts;
      const own = formulas.map(({ name, label }) => ({ name, label }));
      return {
        placeholders: [...PLACEHOLDERS.map(({ name, label }) => ({ name, label })), ...own],
        fields: [...FORMULA_FIELDS.map((name) => ({ name, label: labelOf(name) })), ...own],
        functions: [...FORMULA_FUNCTIONS],
      };
    },
  });

  api.define({
    method: 'POST',
    url: '/settings/texts/try',
    summary: 'Что напишет шаблон и верна ли формула; ничего не сохраняет',
    policy: { deed: 'see-settings', of: 'agency', token: 'settings:read' },
    body: TextTrySchema,
    answer: TextTrialSchema,
    handler: async (ask): Promise<TextTrial> => {
      const { db, agencyId, body } = ask;
      const { texts } = settled(AGENCY_DEFAULTS, (await agencyFrame(db, agencyId)).own);
      const { template, formula } = body;
      const faults = [
        ...(formula === undefined ? [] : checkFormula(formula, namesForFormula(texts))),
        ...(template === undefined ? [] : checkTemplate(template, texts)),
      ];
      const listing = await listingFor(ask, body.listingId);
      const tried = template === undefined ? texts : { ...texts, templates: [{ name: 'проба', text: template }] };
      const written = listing && faults.length === 0 ? writeText(listing.values, tried) : null;
      return {
        faults,
        changeable: template === undefined ? [] : changeableIn(template).map(labelOf),
        listing: listing && {
          id: listing.id,
          externalId: listing.externalId,
          heading: listing.values.title ?? describeKind(listing.values),
        },
        text: written?.text ?? null,
        chars: written?.text.length ?? 0,
        computed: written?.computed.map(({ name, label, told }) => ({ name, label, told })) ?? [],
      };
    },
  });
}

/** The listing that was named, or the first there is; null: there are none. */
async function listingFor({ db, agencyId, caller }: Any, id: number | undefined) {
  if (id === undefined) {
    for await (const [first] of eachListing(db, agencyId, 1)) return first ?? null;
    return null;
  }
  const place = await placeOf(db.pool, agencyId, 'listing', id);
  const found = await findListings(db, agencyId, String(id));
  const listing = found.find((row) => row.id === id);
  if (!listing || !place || !mayDo(caller, 'see-listings', place)) throw notFound('Такого объекта нет.');
  return listing;
}

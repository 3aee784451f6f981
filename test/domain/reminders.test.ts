import { describe, expect, it } from 'vitest';
import { dutiesOf, type ReminderFacts, type ReminderMark } from '../../src/domain/reminders.ts';
import { AGENCY_DEFAULTS, type AgencySettings, settled } from '../../src/domain/settings.ts';

const ZONE = 'Asia/Omsk'; // +06:00
const FRESH = new Date('2026-11-01T04:00:00Z'); // 10:00 there
const STALE = new Date('2026-12-01T04:00:00Z');
const earlier = (hours: number) => new Date(STALE.getTime() - hours * 3_600_000);
const later = (hours: number) => earlier(-hours);

const mark: ReminderMark = {
  cabinetId: 1,
  name: 'Авито',
  startsOn: null,
  endsOn: null,
  markedOn: '2026-11-01',
  today: '2026-11-21',
};
const flat: ReminderFacts = {
  listingId: 12,
  kind: 'flat',
  deal: 'sale',
  externalId: 'dr-7',
  title: null,
  agent: 'Анна',
  goneOn: null,
  status: 'active',
  reservedUntil: null,
  stage: null,
  forbiddenReason: null,
  freshAt: FRESH,
  callBackAt: null,
  staleToldAt: null,
  isFreshExempt: false,
  marks: [mark],
};

function due(facts: Partial<ReminderFacts>, now: Date, own: Partial<AgencySettings> = {}) {
  const duties = dutiesOf({ ...flat, ...facts }, settled(AGENCY_DEFAULTS, own), ZONE, now);
  return [
    ...duties.reminders,
    ...(duties.archived ? [duties.archived] : []),
    ...(duties.extended ? [duties.extended] : []),
  ];
}
const kinds = (...args: Parameters<typeof due>) => due(...args).map(({ kind }) => kind);

describe('reminders of freshness', () => {
  it.each([
    ['long before', earlier(73), []],
    ['the moment to ask', earlier(72), ['fresh-ask']],
    ['the last second of the agent alone', new Date(earlier(24).getTime() - 1), ['fresh-ask']],
    ['the manager is told too', earlier(24), ['fresh-ask', 'fresh-manager']],
    ['stale', STALE, ['fresh-stale', 'fresh-manager']],
  ])('%s', (_, now, expected) => {
    expect(kinds({}, now)).toEqual(expected);
  });

  it('has other hours for rent', () => {
    const end = new Date('2026-11-04T04:00:00Z').getTime();
    const at = (hours: number) => kinds({ deal: 'rent' }, new Date(end - hours * 3_600_000));
    expect([at(25), at(24), at(8), at(0)]).toEqual([
      [],
      ['fresh-ask'],
      ['fresh-ask', 'fresh-manager'],
      ['fresh-stale', 'fresh-manager'],
    ]);
  });

  const told = { staleToldAt: STALE };
  it.each([
    ['the last second before', told, new Date(later(720).getTime() - 1), ['fresh-stale', 'fresh-manager']],
    ['thirty days after it was asked', told, later(720), ['fresh-archived']],
    ['asked late', { staleToldAt: later(500) }, later(1219), ['fresh-stale', 'fresh-manager']],
    ['thirty days after that', { staleToldAt: later(500) }, later(1220), ['fresh-archived']],
    ['never asked, because nobody looked', {}, later(90_000), ['fresh-stale', 'fresh-manager']],
  ])('archive: %s', (_, facts, now, expected) => {
    expect(kinds(facts, now)).toEqual(expected);
  });

  it('never archives where the agency does not want it', () => {
    const freshness = { ...AGENCY_DEFAULTS.freshness, archiveAfterDays: null };
    expect(kinds(told, later(90_000), { freshness })).toEqual(['fresh-stale', 'fresh-manager']);
  });

  const market = {
    ...AGENCY_DEFAULTS.market,
    stages: [{ name: 'Сделка', effect: 'withdraws' as const }],
  };
  it.each([
    ['is forbidden', { forbiddenReason: 'собственник против' }],
    ['is gone', { goneOn: '2026-11-20' }],
    ['is sold', { status: 'sold' as const }],
    ['is reserved', { status: 'reserved' as const, reservedUntil: '2026-12-01' }],
    ['is being sold', { stage: 'Сделка' }],
    ['has no mark', { marks: [] }],
    ['is let past by a person', { isFreshExempt: true }],
  ])('asks nothing, and archives nothing, that %s', (_, facts) => {
    expect(kinds(facts, STALE, { market })).toEqual([]);
    if (!('reservedUntil' in facts)) expect(kinds({ ...told, ...facts }, later(720), { market })).toEqual([]);
  });

  it('asks again on the day after the reservation, by the branch’s day', () => {
    const reserved = { status: 'reserved' as const, reservedUntil: '2026-12-01' };
    expect(kinds(reserved, new Date('2026-12-01T17:59:59Z'))).toEqual([]);
    expect(kinds(reserved, new Date('2026-12-01T18:00:00Z'))).toEqual(['fresh-stale', 'fresh-manager']);
  });

  it('reminds of a call from its moment on', () => {
    const callBackAt = new Date('2026-11-05T04:00:00Z');
    expect(kinds({ callBackAt }, new Date(callBackAt.getTime() - 1))).toEqual([]);
    expect(due({ callBackAt }, callBackAt)).toMatchObject([
      { kind: 'call-back', key: 'call-back:12:2026-11-05T04:00:00.000Z', to: 'agent' },
    ]);
  });

  it('names the listing, and days and hours of the branch', () => {
    const [ask, manager] = due({}, earlier(24));
    expect(ask).toEqual({
      key: 'fresh-ask:12:2026-11-01T04:00:00.000Z',
      kind: 'fresh-ask',
      to: 'agent',
      text: 'Подтвердите, что объект dr-7 (Квартира, продажа) актуален: его не меняли и не подтверждали с 01.11.2026 10:00, и 01.12.2026 10:00 он будет снят с досок.',
    });
    expect(manager).toMatchObject({
      to: 'manager',
      text: expect.stringMatching(/^Агент Анна не подтвердил объект dr-7/),
    });
    expect(due({ title: 'Студия у парка' }, STALE)[0]!.text).toContain('dr-7 (Студия у парка)');
    expect(due({ agent: null }, STALE)[1]!.text).toMatch(/^Никто не подтвердил/);
    expect(due({}, STALE)[0]!.text).toContain('Иначе 31.12.2026 10:00 он уйдёт в архив');
    expect(due(told, later(720))[0]!.text).toContain('с 01.12.2026 10:00 его никто не подтвердил');
  });
});

describe('reminders of terms', () => {
  const NOON = new Date('2026-11-21T06:00:00Z');
  const ending = (endsOn: string | null, over: Partial<ReminderMark> = {}) => ({ ...mark, endsOn, ...over });

  it.each([
    ['2026-11-25', []],
    ['2026-11-24', ['term-ends']],
    ['2026-11-21', ['term-ends']],
    ['2026-11-20', ['term-ended']],
    [null, []],
  ])('a term that ends on %s', (endsOn, expected) => {
    expect(kinds({ marks: [ending(endsOn)] }, NOON)).toEqual(expected);
  });

  it('tells marks that end on one day together, and says from when nothing is there', () => {
    const marks = [ending('2026-11-22'), ending('2026-11-22', { cabinetId: 2, name: 'Циан' }), ending('2026-11-23')];
    expect(due({ marks }, NOON).map(({ key, text }) => [key, text])).toEqual([
      [
        'term-ends:12:2026-11-22',
        'Срок размещения объекта dr-7 (Квартира, продажа) кончается 22.11.2026: Авито, Циан. Продлите срок, иначе с 23.11.2026 объекта там не будет.',
      ],
      ['term-ends:12:2026-11-23', expect.stringContaining('23.11.2026: Авито')],
    ]);
  });

  it('goes by the day of each cabinet', () => {
    const marks = [ending('2026-11-21'), ending('2026-11-21', { cabinetId: 2, name: 'Циан', today: '2026-11-22' })];
    expect(kinds({ marks }, NOON)).toEqual(['term-ends', 'term-ended']);
  });

  it('extends on the last day where the agency wants it, and not before', () => {
    const terms = { ...AGENCY_DEFAULTS.terms, atEnd: 'extend' as const };
    const settings = settled(AGENCY_DEFAULTS, { terms });
    const at = (endsOn: string) =>
      dutiesOf({ ...flat, marks: [ending(endsOn, { startsOn: '2026-11-12' })] }, settings, ZONE, NOON);
    expect(at('2026-11-22')).toMatchObject({ reminders: [{ kind: 'term-ends' }], extensions: [], extended: null });
    expect(at('2026-11-21')).toMatchObject({
      reminders: [],
      extensions: [{ cabinetId: 1, before: { endsOn: '2026-11-21' }, startsOn: '2026-11-22', endsOn: '2026-12-01' }],
      extended: { key: 'term-extended:12:2026-12-01', text: expect.stringContaining('Авито — до 01.12.2026') },
    });
  });
});

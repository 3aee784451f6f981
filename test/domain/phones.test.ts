import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addDays, localTime, momentOf, WEEKDAYS } from '../../src/domain/days.ts';
import {
  conflictsOf,
  hasMaskedPhone,
  maskPhone,
  maskPhones,
  type PhoneAsk,
  type PhoneFrame,
  type PhoneLine,
  phoneBook,
} from '../../src/domain/phones.ts';
import { readHours, readMoment, readWeekdays, weekdaysText } from '../../src/domain/week.ts';

let counter = 0;
const DAILY = [1, 2, 3, 4, 5, 6, 7];
const line = (own: Partial<PhoneLine>): PhoneLine => ({
  id: ++counter,
  scope: 'agency',
  scopeId: null,
  board: null,
  weekdays: DAILY,
  fromMinute: 0,
  toMinute: 1440,
  startsOn: null,
  endsOn: null,
  kind: 'duty',
  phone: `+7900000${String(counter).padStart(4, '0')}`,
  note: null,
  ...own,
});
const ASK: PhoneAsk = {
  employeeId: 1,
  departmentId: 2,
  branchId: 3,
  board: 'cian',
  ownPhones: ['+79001112233', '+79001112244'],
  listingPhones: undefined,
};
const ZONE = 'Europe/Moscow';
const NOON = new Date('2026-11-20T09:00Z');
const chosen = (lines: readonly PhoneLine[], ask: Partial<PhoneAsk> = {}, at = NOON, zone = ZONE) =>
  phoneBook(lines)({ ...ASK, ...ask }, at, zone);

describe('which number', () => {
  const agency = line({});
  const branch = line({ scope: 'branch', scopeId: 3 });
  const department = line({ scope: 'department', scopeId: 2 });
  const employee = line({ scope: 'employee', scopeId: 1 });
  const cian = line({ board: 'cian' });
  const hours = line({ fromMinute: 540, toMinute: 1080 });
  const newer = line({ fromMinute: 540, toMinute: 1080 });
  const roster = line({ startsOn: '2026-11-20', endsOn: '2026-11-20' });
  const branchRoster = line({ scope: 'branch', scopeId: 3, startsOn: '2026-11-01' });
  const elsewhere = [
    line({ scope: 'branch', scopeId: 4 }),
    line({ scope: 'employee', scopeId: 2 }),
    line({ board: 'avito' }),
    line({ weekdays: [6, 7] }),
    line({ fromMinute: 721 }),
    line({ toMinute: 720 }),
    line({ startsOn: '2026-11-21' }),
    line({ endsOn: '2026-11-19' }),
  ];

  it.each([
    ['the agency alone', [agency], agency],
    ['a branch before the agency', [branch, agency], branch],
    ['a department before a branch', [department, branch], department],
    ['a person before a department', [department, employee, branch], employee],
    ['a line for the board before one for every board', [agency, cian], cian],
    ['a branch before the agency on the very board', [branch, cian], branch],
    ['the narrower hours', [agency, hours], hours],
    ['a line for the board before narrower hours', [hours, cian], cian],
    ['the newer line', [hours, newer], newer],
    ['the roster before everything else', [employee, cian, roster], roster],
    ['the nearer roster', [roster, branchRoster], branchRoster],
    ['nothing of another branch, person, board, weekday, hour or day', elsewhere, null],
  ])('%s', (_, lines, expected) => {
    for (const order of [lines, lines.toReversed()]) {
      const choice = chosen(order);
      expect(choice.line).toBe(expected);
      expect(choice.phones).toEqual(expected ? [expected.phone] : ASK.ownPhones);
    }
  });

  it('gives the agent’s first number, and falls through to the next line where there is none', () => {
    const own = line({ scope: 'employee', scopeId: 1, kind: 'own', phone: null });
    expect(chosen([own, agency]).phones).toEqual(['+79001112233']);
    expect(chosen([own, agency], { ownPhones: [] }).phones).toEqual([agency.phone]);
    expect(chosen([own], { ownPhones: [] })).toMatchObject({ phones: undefined, line: null, changesAt: null });
  });

  it('without a line leaves the listing’s numbers, then the agent’s, as they are', () => {
    const listingPhones = ['+79005556677', '+79005556688'];
    expect(chosen([], { listingPhones })).toEqual({ phones: listingPhones, line: null, changesAt: null });
    expect(chosen([]).phones).toEqual(ASK.ownPhones);
    expect(chosen([], { ownPhones: [] }).phones).toBeUndefined();
    expect(chosen([agency], { listingPhones }).phones).toEqual([agency.phone]);
  });

  it('is remembered for one moment, by all it hangs on', () => {
    const book = phoneBook([
      line({ kind: 'own', phone: null, board: 'cian' }),
      line({ weekdays: [6], phone: '+79007778899' }),
    ]);
    expect(book(ASK, NOON, ZONE).phones).toEqual(['+79001112233']);
    expect(book({ ...ASK, ownPhones: ['+79001112299'] }, NOON, ZONE).phones).toEqual(['+79001112299']);
    expect(book({ ...ASK, board: 'avito', listingPhones: ['+79005556677'] }, NOON, ZONE).phones).toEqual([
      '+79005556677',
    ]);
    expect(book({ ...ASK, board: 'avito', listingPhones: ['+79005556688'] }, NOON, ZONE).phones).toEqual([
      '+79005556688',
    ]);
    // It is Saturday already on Kamchatka.
    const evening = new Date('2026-11-20T18:00Z');
    expect(book({ ...ASK, board: 'avito' }, evening, ZONE).line).toBeNull();
    expect(book({ ...ASK, board: 'avito' }, evening, 'Asia/Kamchatka').phones).toEqual(['+79007778899']);
  });

  it('costs little for a hundred thousand asks of a run', () => {
    const lines = Array.from({ length: 60 }, (_, index) =>
      line({ scope: 'branch', scopeId: index % 10, weekdays: [(index % 7) + 1], fromMinute: 540, toMinute: 1080 }),
    );
    const book = phoneBook(lines);
    const asks = Array.from({ length: 200 }, (_, index) => ({ ...ASK, employeeId: index, branchId: index % 10 }));
    const started = performance.now();
    for (let index = 0; index < 100_000; index++) book(asks[index % 200]!, NOON, ZONE);
    expect(performance.now() - started).toBeLessThan(1500);
  });
});

const RUSSIAN = [
  'Europe/Kaliningrad',
  'Europe/Moscow',
  'Europe/Samara',
  'Asia/Yekaterinburg',
  'Asia/Omsk',
  'Asia/Krasnoyarsk',
  'Asia/Irkutsk',
  'Asia/Yakutsk',
  'Asia/Vladivostok',
  'Asia/Magadan',
  'Asia/Kamchatka',
];

describe('the edge of every day of the week, by the clock of the branch', () => {
  const lines = DAILY.map((weekday) => line({ weekdays: [weekday] }));
  const book = phoneBook(lines);
  it.each(
    RUSSIAN.flatMap((zone) => DAILY.map((weekday) => [zone, weekday] as const)),
  )('%s, weekday %i', (zone, weekday) => {
    // 16 November 2026 is a Monday.
    const day = addDays('2026-11-15', weekday);
    const midnight = momentOf(addDays(day, 1), 0, zone);
    const lastMinute = momentOf(day, 1439, zone);
    expect(localTime(lastMinute, zone)).toEqual({ day, weekday, minute: 1439 });
    expect(book(ASK, lastMinute, zone).line).toBe(lines[weekday - 1]);
    expect(book(ASK, lastMinute, zone).changesAt).toEqual(midnight);
    expect(book(ASK, midnight, zone).line).toBe(lines[weekday % 7]);
  });
});

const wildLines = fc.array(
  fc
    .record({
      scope: fc.constantFrom('employee' as const, 'branch' as const, 'agency' as const),
      board: fc.constantFrom(null, 'cian', 'avito'),
      weekdays: fc.subarray(DAILY, { minLength: 1 }),
      minutes: fc.uniqueArray(
        fc.oneof(fc.integer({ min: 0, max: 1440 }), fc.constantFrom(0, 60, 120, 150, 180, 1380, 1440)),
        { minLength: 2, maxLength: 2 },
      ),
      dates: fc.option(
        fc.tuple(fc.integer({ min: -5, max: 40 }), fc.integer({ min: 0, max: 9 }), fc.boolean(), fc.boolean()),
      ),
      isOwn: fc.boolean(),
    })
    .map(({ scope, board, weekdays, minutes, dates, isOwn }) =>
      line({
        scope,
        scopeId: scope === 'employee' ? 1 : scope === 'branch' ? 3 : null,
        board,
        weekdays,
        fromMinute: Math.min(...minutes),
        toMinute: Math.max(...minutes),
        startsOn: dates && !dates[2] ? addDays('2026-10-20', dates[0]) : null,
        endsOn: dates && !dates[3] ? addDays('2026-10-20', dates[0] + dates[1]) : null,
        ...(isOwn && { kind: 'own', phone: null }),
      }),
    ),
  { maxLength: 6 },
);

describe('the moment of change', () => {
  it('is after now, brings another line, and before it the choice stays', () => {
    fc.assert(
      fc.property(
        wildLines,
        fc.integer({ min: Date.UTC(2026, 9, 18), max: Date.UTC(2026, 10, 20) }),
        fc.constantFrom('Europe/Moscow', 'Asia/Kamchatka', 'Europe/Berlin', 'Asia/Beirut'),
        fc.boolean(),
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 20 }),
        (lines, ms, zone, hasOwn, shares) => {
          const book = phoneBook(lines);
          const ask = hasOwn ? ASK : { ...ASK, ownPhones: [] };
          const { line: present, changesAt } = book(ask, new Date(ms), zone);
          const end = changesAt?.getTime() ?? ms + 90 * 86_400_000;
          if (changesAt) {
            expect(end).toBeGreaterThan(ms);
            expect(book(ask, changesAt, zone).line).not.toBe(present);
            expect(book(ask, new Date(end - 1), zone).line).toBe(present);
          }
          for (const share of shares) {
            expect(book(ask, new Date(Math.floor(ms + (end - 1 - ms) * share)), zone).line).toBe(present);
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('the conflict report', () => {
  const agent = (id: number, name: string, phones: string[] = []) => ({
    id,
    name,
    phones,
    branchId: 3,
    departmentId: id > 10 ? 2 : null,
  });
  const frame = (own: Partial<PhoneFrame> = {}): PhoneFrame => ({
    today: '2026-11-20',
    agents: [],
    branches: new Map([[3, 'Центр']]),
    departments: new Map([[2, 'Аренда']]),
    boards: new Map([
      ['avito', 'Авито'],
      ['cian', 'Циан'],
    ]),
    pullHours: new Map(),
    isDialable: (phone) => phone.startsWith('+79'),
    tell: (phone) => phone,
    ...own,
  });
  const messages = (lines: readonly PhoneLine[], own: Partial<PhoneFrame> = {}) =>
    conflictsOf(lines, frame(own)).map(({ kind, message }) => [kind, message]);

  it('is empty for a good timetable', () => {
    const lines = [
      line({ id: 1, board: 'avito', kind: 'tracking', phone: '+79000000001' }),
      line({ id: 2, board: 'cian', kind: 'tracking', phone: '+79000000002' }),
    ];
    expect(messages(lines, { agents: [agent(1, 'Иванов')] })).toEqual([]);
  });

  it('finds one tracking number on two boards, unless it stands there on different days', () => {
    const phone = '+79000000001';
    const tracking = (own: Partial<PhoneLine>) => line({ kind: 'tracking', phone, ...own });
    const two = [tracking({ id: 1, board: 'avito', fromMinute: 1 }), tracking({ id: 2, board: 'cian' })];
    expect(messages(two)).toEqual([
      [
        'two-boards',
        'Подменный номер +79000000001 стоит сразу на нескольких досках (Авито, Циан): по звонку не узнать, откуда он. Строки 1, 2.',
      ],
    ]);
    expect(messages([tracking({ id: 1 })])).toHaveLength(1);
    expect(
      messages([
        tracking({ board: 'avito', endsOn: '2026-11-30' }),
        tracking({ board: 'cian', startsOn: '2026-12-01' }),
      ]),
    ).toEqual([]);
    expect(messages([tracking({ board: 'avito', endsOn: '2026-11-19' }), tracking({ board: 'cian' })])).toEqual([]);
  });

  it('finds minutes of the week without a number, told once for people of one place', () => {
    const office = line({
      id: 5,
      scope: 'branch',
      scopeId: 3,
      weekdays: [1, 2, 3, 4, 5],
      fromMinute: 540,
      toMinute: 1080,
    });
    const saturday = line({ id: 6, board: 'cian', weekdays: [6], kind: 'call-centre' });
    const agents = [
      agent(1, 'Иванов'),
      agent(2, 'Петров'),
      agent(3, 'Сидорова', ['+79000000003']),
      agent(11, 'Котова'),
    ];
    expect(messages([office, saturday, line({ id: 7, kind: 'own', phone: null })], { agents })).toEqual([
      [
        'gap',
        'Филиал «Центр»: без номера остаются пн–пт 00:00–09:00, 18:00–24:00; сб, вс круглосуточно (Авито). Своего номера нет у агентов: Иванов, Петров.',
      ],
      [
        'gap',
        'Филиал «Центр»: без номера остаются пн–пт 00:00–09:00, 18:00–24:00; вс круглосуточно (Циан). Своего номера нет у агентов: Иванов, Петров.',
      ],
      [
        'gap',
        'Филиал «Центр», отдел «Аренда»: без номера остаются пн–пт 00:00–09:00, 18:00–24:00; сб, вс круглосуточно (Авито). Своего номера нет у агентов: Котова.',
      ],
      [
        'gap',
        'Филиал «Центр», отдел «Аренда»: без номера остаются пн–пт 00:00–09:00, 18:00–24:00; вс круглосуточно (Циан). Своего номера нет у агентов: Котова.',
      ],
    ]);
    expect(messages([line({})], { agents })).toEqual([]);
  });

  it('finds numbers that cannot be dialled, the agents’ own too where a line asks for them', () => {
    const lines = [line({ id: 1, phone: '+70000000000', board: 'cian' }), line({ id: 2, phone: null, board: 'avito' })];
    expect(messages(lines)).toEqual([
      ['undialable', 'Строка 1: по номеру +70000000000 нельзя позвонить. Проверьте цифры.'],
      ['undialable', 'Строка 2: номер не указан.'],
    ]);
    const agents = [agent(1, 'Иванов', ['+70000000001'])];
    expect(messages([line({ kind: 'own', phone: null })], { agents })).toEqual([
      ['undialable', 'Иванов: по собственному номеру +70000000001 нельзя позвонить. Проверьте цифры.'],
    ]);
    expect(messages([line({})], { agents })).toEqual([]);
  });

  it('finds hours finer than the board’s pulls', () => {
    const pullHours = new Map([['cian', 4.04]]);
    const short = line({ id: 1, fromMinute: 540, toMinute: 600 });
    expect(messages([short], { pullHours })).toEqual([
      [
        'finer-than-pulls',
        'Строка 1 держится 09:00–10:00, а Циан забирает файл раз в 4 часа: номер может не успеть смениться.',
      ],
    ]);
    expect(messages([{ ...short, board: 'avito' }, line({ fromMinute: 600, toMinute: 900 })], { pullHours })).toEqual(
      [],
    );
  });

  it('finds lines between which only the newer number decides', () => {
    const one = line({ id: 1, weekdays: [1, 2, 3, 4, 5], fromMinute: 540, toMinute: 1080 });
    const other = line({ id: 2, weekdays: [5, 6], fromMinute: 600, toMinute: 1140 });
    expect(messages([one, other])).toEqual([
      ['overlap', 'Строки 1 и 2 одинаково важны и накладываются: пт 10:00–18:00. Действует новая, 2; уберите лишнюю.'],
    ]);
    // Decided by the law: other hours, board, scope, or a roster; and where they never meet.
    const lawful = [
      { ...other, toMinute: 1000 },
      { ...other, board: 'cian' },
      { ...other, scope: 'branch' as const, scopeId: 3 },
      { ...other, startsOn: '2026-12-01' },
      { ...other, weekdays: [6, 7] },
      { ...other, fromMinute: 1080, toMinute: 1620 },
    ];
    for (const good of lawful) expect(messages([one, good])).toEqual([]);
  });
});

describe('days, hours and moments as people say them', () => {
  it.each([
    ['пн-пт', [1, 2, 3, 4, 5]],
    ['Сб, Вс', [6, 7]],
    ['вс', [7]],
    ['сб-пн', [1, 6, 7]],
    ['пн–ср,пт', [1, 2, 3, 5]],
    ['ежедневно', DAILY],
    ['будни', [1, 2, 3, 4, 5]],
    ['пн-пт-вс', undefined],
    ['mon', undefined],
    ['', undefined],
  ])('«%s»', (text, weekdays) => {
    expect(readWeekdays(text)).toEqual(weekdays);
  });

  it('tells weekdays so that they can be read again', () => {
    fc.assert(
      fc.property(fc.subarray(DAILY, { minLength: 1 }), (weekdays) => {
        expect(readWeekdays(weekdaysText(weekdays))).toEqual(weekdays);
      }),
    );
    expect(weekdaysText([1, 2, 4, 5, 6])).toBe(`${WEEKDAYS[0]}, вт, чт–сб`);
  });

  it.each([
    ['09:00-18:00', [540, 1080]],
    ['9–24', [540, 1440]],
    ['круглосуточно', [0, 1440]],
    ['18:00-09:00', undefined],
    ['09:00', undefined],
    ['09:60-10:00', undefined],
    ['09:00-24:30', undefined],
  ])('«%s»', (text, hours) => {
    expect(readHours(text)).toEqual(hours);
  });

  it.each([
    // Friday 12:00 in Moscow.
    ['сб 11:00', '2026-11-21T08:00:00.000Z'],
    ['пт 11:00', '2026-11-27T08:00:00.000Z'],
    ['Пт 12:00', '2026-11-20T09:00:00.000Z'],
    ['2026-11-21T11:00', '2026-11-21T08:00:00.000Z'],
    ['21.11.2026 11:00', '2026-11-21T08:00:00.000Z'],
    ['2026-11-21', '2026-11-20T21:00:00.000Z'],
    ['2026-11-21T11:00:00+07:00', '2026-11-21T04:00:00.000Z'],
    ['2026-11-21T11:00Z', '2026-11-21T11:00:00.000Z'],
    ['2026-11-21T11:00:07', '2026-11-21T08:00:07.000Z'],
    ['2026-11-21T11:00:00.250', '2026-11-21T08:00:00.250Z'],
    ['21.11.2026 11:00:59', '2026-11-21T08:00:59.000Z'],
    ['пт 12:00:01', '2026-11-20T09:00:01.000Z'],
    ['2026-11-21T11:00:60', undefined],
    ['2026-11-21T24:00:00', undefined],
    ['2026-02-30T11:00', undefined],
    ['2026-11-21T25:00', undefined],
    ['завтра', undefined],
    ['сб', undefined],
  ])('«%s»', (text, at) => {
    expect(readMoment(text, NOON, ZONE)?.toISOString()).toBe(at);
  });
});

describe('hidden numbers', () => {
  it.each([
    ['+79120000014', '+7 912 •••-••-14'],
    ['+375291234567', '+375 •••-••-67'],
    ['8 (912) 000-00-14', '+7 912 •••-••-14'],
    ['+7 912 000-00-14', '+7 912 •••-••-14'],
    ['7-912-000-00-14', '+7 912 •••-••-14'],
    ['8.912.000.00.14', '+7 912 •••-••-14'],
    ['9120000014', '+7 912 •••-••-14'],
    ['(912) 000 00 14', '+7 912 •••-••-14'],
    ['8 (34376) 5-12-34', '+7 343 •••-••-34'],
    ['+7 (3435) 12-34-56', '+7 343 •••-••-56'],
    ['8 800 555 35 35', '+7 800 •••-••-35'],
    ['Звоните:8-912-000-00-14, Анна', 'Звоните:+7 912 •••-••-14, Анна'],
    ['тел89120000014.', 'тел+7 912 •••-••-14.'],
    ['https://wa.me/79120000014?text=1', 'https://wa.me/+7 912 •••-••-14?text=1'],
    ['<Number>9120000014</Number>', '<Number>+7 912 •••-••-14</Number>'],
    // Not numbers to call.
    ['Цена 9 800 000 ₽, было 10 200 000', undefined],
    ['от 7 850 000 – 9 800 000 руб.', undefined],
    ['66:41:0204016:1010', undefined],
    ['56.8389260000, 60.9120000014', undefined],
    ['2026-11-22T09:00:00.000Z', undefined],
    ['/api/v1/pictures/89120000014abcdef89120000014abcd?w=160', undefined],
    ['ИНН 770912345678, {phone}', undefined],
  ])('«%s»', (text, masked) => {
    expect(maskPhones(text)).toBe(masked ?? text);
    expect(hasMaskedPhone(maskPhones(text))).toBe(masked !== undefined);
  });

  it('are hidden however deep they stand, and nothing else is touched', () => {
    const answer = {
      id: 79120000014,
      at: new Date(0),
      values: { contactPhones: ['+79120000014'], roomsCount: 2, isStudio: false, notes: null },
    };
    expect(maskPhones(answer)).toEqual({
      ...answer,
      values: { ...answer.values, contactPhones: ['+7 912 •••-••-14'] },
    });
    expect(maskPhones('<Code>+7</Code><Number>343 200-11-22</Number>', ['+73432001122'])).toBe(
      '<Code>+7</Code><Number>+7 343 •••-••-22</Number>',
    );
  });

  it('never show through, whatever is typed around them', () => {
    const digits = (length: number) => fc.stringMatching(new RegExp(`^\\d{${length}}$`));
    const blank = fc.constantFrom('', ' ', '-', '\u00a0');
    const words = fc.constantFrom('', 'Звоните ', 'тел.: ', '(', '\n', 'Цена 9 800 000, ');
    fc.assert(
      fc.property(
        words,
        fc.constantFrom('+7', '8', '7', ''),
        fc.tuple(digits(2), digits(3), digits(2), digits(2)),
        fc.tuple(blank, blank, blank, blank),
        words,
        (before, prefix, [area, one, two, three], [a, b, c, d], after) => {
          const phone = `+79${area}${one}${two}${three}`;
          const text = `${before}${prefix}${a}9${area}${b}${one}${c}${two}${d}${three}${after === '' ? '' : ` ${after}`}`;
          fc.pre(prefix !== '' || a === '');
          const masked = maskPhones(text);
          expect(masked).toContain(maskPhone(phone));
          expect(masked.replace(maskPhone(phone), '')).not.toContain(`${one}${c}${two}${d}${three}`);
          expect(maskPhones(masked)).toBe(masked);
        },
      ),
    );
  });
});

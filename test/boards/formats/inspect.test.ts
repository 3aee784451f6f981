import { describe, expect, test } from 'vitest';
import { CODECS } from '../../../src/boards/formats/index.ts';
import {
  inspectEdition,
  type JudgedOffer,
  judgeFile,
  type Problem,
  schemaJudge,
} from '../../../src/boards/formats/inspect.ts';
import { isInTableOrder, missingRequired } from '../../../src/boards/formats/required.ts';
import { parseElement } from '../../../src/boards/formats/xml.ts';
import type { Listing } from '../../../src/domain/listing.ts';

const MOMENT = '2026-11-20T10:00:00+03:00';
const { yandex } = CODECS;

const flat: Listing = {
  externalId: 'A-1',
  kind: 'flat',
  deal: 'sale',
  market: 'resale',
  createdAt: '2026-05-01T10:00:00+03:00',
  address: 'Воронеж, улица Примерная, 1',
  priceKopecks: 540_000_000,
  contactPhones: ['+79000000001'],
  areaM2: 41.5,
  roomsCount: 2,
  floor: 5,
  floorsTotal: 9,
  photos: [{ url: 'https://example.test/1.jpg' }, { url: 'https://example.test/2.jpg' }],
  description: 'Текст\nиз двух строк',
};
const offer = (change: Partial<Listing> = {}, spoil: (xml: string) => string = (xml) => xml): JudgedOffer => {
  const listing = { ...flat, ...change };
  return { id: listing.externalId, xml: spoil(yandex.render(listing)) };
};
const brief = (problems: readonly Problem[]) =>
  problems.map(({ id, line, xpath, message }) => [id, line, xpath, message]);

describe('the schema judge', () => {
  const { judge } = schemaJudge('yandex');

  test('is silent about good offers, and about none', () => {
    expect(judge([])).toEqual([]);
    expect(judge([offer(), offer({ externalId: 'A-2' })])).toEqual([]);
  });

  test('is compiled once', () => {
    const started = performance.now();
    for (let round = 0; round < 50; round++) schemaJudge('yandex');
    expect(performance.now() - started).toBeLessThan(50);
  });

  test('tells the offer, the line in the file, the path and a Russian sentence', () => {
    const batch = [
      { ...offer(), line: 4 },
      { ...offer({ externalId: 'A-2' }, (xml) => xml.replace('<floor>5<', '<floor>пять<')), line: 40, position: 2 },
      {
        ...offer({ externalId: 'A-3' }, (xml) =>
          xml.replace('<rooms>2</rooms>', '<rooms>2</rooms>\n    <rooms>3</rooms>'),
        ),
        line: 80,
        position: 3,
      },
    ];
    const lineOf = (xml: string, part: string) => xml.slice(0, xml.indexOf(part)).split('\n').length - 1;
    expect(brief(judge(batch))).toEqual([
      [
        'A-2',
        40 + lineOf(batch[1]!.xml, '<floor>'),
        '/realty-feed/offer[2]/floor',
        'floor = «пять»: нужно целое число.',
      ],
      [
        'A-3',
        80 + lineOf(batch[2]!.xml, '<rooms>3'),
        '/realty-feed/offer[3]/rooms[2]',
        'Элемент rooms повторён, а бывает один.',
      ],
    ]);
  });

  test.each<[string, (xml: string) => string, string[]]>([
    ['слово', (xml) => xml.replace('>квартира<', '>изба<'), ['category = «изба»: такого слова в словаре нет.']],
    [
      'короткий словарь',
      (xml) => xml.replace('>RUB<', '>рубль<'),
      ['price/currency = «рубль»: такого слова в словаре нет. Можно: RUB, USD, EUR.'],
    ],
    [
      'образец',
      (xml) => xml.replace('+79000000001', '8 900 000-00-01'),
      ['sales-agent/phone = «8 900 000-00-01»: не тот вид записи.'],
    ],
    ['граница', (xml) => xml.replace('<floor>5<', '<floor>201<'), ['floor = «201»: больше 200.']],
    ['больше нуля', (xml) => xml.replace('<value>41.5<', '<value>0<'), ['area/value = «0»: должно быть больше 0.']],
    ['пустой', (xml) => xml.replace(/<description>[\s\S]*?</, '<description><'), ['Элемент description пуст.']],
    [
      'дата без пояса',
      (xml) => xml.replace('10:00:00+03:00', '10:00:00'),
      ['creation-date = «2026-05-01T10:00:00»: не тот вид записи.'],
    ],
    [
      'не дата',
      (xml) => xml.replace('2026-05-01T10:00:00+03:00', 'вчера'),
      ['creation-date = «вчера»: нужно дата и время с часовым поясом.'],
    ],
    ['обязательный', (xml) => xml.replace(/ *<type>.*\n/, ''), ['Нет обязательного элемента type.']],
    [
      'обязательный блок',
      (xml) => xml.replace(/ *<price>[\s\S]*<\/price>\n/, ''),
      ['Нет обязательного элемента price.'],
    ],
    [
      'обязательный в блоке',
      (xml) => xml.replace(/ *<currency>.*\n/, ''),
      ['Нет обязательного элемента price/currency.'],
    ],
    [
      'обязательный в блоке с повторами',
      (xml) => xml.replace(/ *<address>.*\n/, ''),
      ['Нет обязательного элемента location/address.'],
    ],
    [
      'обязательный повторяемый',
      (xml) => xml.replace(/ *<phone>.*\n/, ''),
      ['Нет обязательного элемента sales-agent/phone.'],
    ],
    [
      'обязательный атрибут',
      (xml) => xml.replace(' internal-id="A-1"', ''),
      ['Нет обязательного элемента @internal-id.'],
    ],
    ['неизвестный', (xml) => xml.replace('<area>', '<balkon>1</balkon>\n    <area>'), ['Неизвестный элемент balkon.']],
    ['неизвестный атрибут', (xml) => xml.replace('<area>', '<area unit="m2">'), ['Неизвестный атрибут area/@unit.']],
    [
      'текст среди элементов',
      (xml) => xml.replace('<area>', '<area>41.5'),
      ['В элементе area стоит текст между вложенными элементами.'],
    ],
    [
      'блок вместо текста',
      (xml) => xml.replace('<floor>5<', '<floor><value>5</value><'),
      ['В элементе floor вложенные элементы, а должен быть текст.', 'floor = «»: нужно целое число.'],
    ],
    [
      'блок повторён',
      (xml) => xml.replace(/( *<area>[\s\S]*<\/area>\n)/, '$1$1'),
      ['Элемент area повторён, а бывает один.'],
    ],
    [
      'не в том блоке',
      (xml) => xml.replace('<unit>кв. м</unit>\n', '<unit>кв. м</unit>\n      <floor>5</floor>\n'),
      ['Неизвестный элемент area/floor.'],
    ],
  ])('says in Russian: %s', (_, spoil, sentences) => {
    const problems = judge([offer({}, spoil)]);
    expect(problems.map(({ message }) => message)).toEqual(sentences);
    for (const { detail, id, xpath } of problems) {
      expect(detail).toBeTruthy();
      expect(detail).not.toContain('http://webmaster');
      expect(id).toBe('A-1');
      expect(xpath).toMatch(/^\/realty-feed\/offer\[1\]/);
    }
  });

  test('finds the ill-formed offer among sixty-four and still judges the others', () => {
    const batch = Array.from({ length: 64 }, (_, index) =>
      offer({ externalId: `A-${index}` }, (xml) =>
        index === 17 ? xml.replace('</rooms>', '') : index === 40 ? xml.replace('>квартира<', '>изба<') : xml,
      ),
    );
    const problems = judge(batch);
    expect(problems.map(({ id, code }) => [id, code])).toEqual([
      ['A-17', 'not-well-formed'],
      ['A-40', 'wrong-value'],
    ]);
    expect(problems[1]!.xpath).toBe('/realty-feed/offer[41]/category');
  });

  test('an offer that closes the feed and opens another harms only itself', () => {
    const [before, after] = [offer({ externalId: 'A-0' }), offer({ externalId: 'A-2' })];
    const problems = judge([before, { id: 'A-1', xml: '</realty-feed><realty-feed>\n' }, after]);
    expect(problems.map(({ id, code }) => [id, code])).toEqual([['A-1', 'not-well-formed']]);
  });

  test('two offers of one id', () => {
    expect(brief(judge([offer(), offer()]))).toEqual([
      ['A-1', 1, '/realty-feed/offer[2]', 'Номер A-1 уже есть у другого объявления файла.'],
    ]);
  });

  test('a text of seventy thousand lines does not confuse the lines', () => {
    const long = offer({ externalId: 'A-0', description: 'строка\n'.repeat(70_000) });
    const bad = offer({}, (xml) => xml.replace('<floor>5<', '<floor>пять<'));
    expect(judge([long, bad]).map(({ id, message }) => [id, message])).toEqual([
      ['A-1', 'floor = «пять»: нужно целое число.'],
    ]);
  });

  test('gives back the memory of libxml2', () => {
    const good = Array.from({ length: 64 }, (_, index) => offer({ externalId: `A-${index}` }));
    const bad = good.map((each, index) =>
      index % 9 === 0 ? { ...each, xml: each.xml.replace('>квартира<', '>изба<') } : each,
    );
    const rounds = (count: number) => {
      for (let round = 0; round < count; round++) judge(round % 8 === 0 ? bad : good);
    };
    rounds(16);
    const before = process.memoryUsage().rss;
    rounds(400);
    // Four hundred documents that nobody disposes of take over 100 MB.
    expect((process.memoryUsage().rss - before) / 2 ** 20).toBeLessThan(50);
  });
});

describe('required by kind and deal', () => {
  const lacks = (change: Partial<Listing>, spoil?: (xml: string) => string) =>
    missingRequired('yandex', parseElement(offer(change, spoil).xml));

  test('a flat has all, a plot wants its land, a room its rooms and its area', () => {
    expect(lacks({})).toEqual({ missing: [] });
    expect(lacks({ kind: 'land' }).missing).toEqual([
      { path: 'lot-area', message: 'Нет обязательного элемента lot-area: участок, продажа.' },
    ]);
    expect(
      lacks({ kind: 'room' })
        .missing.map(({ path }) => path)
        .sort(),
    ).toEqual(['room-space', 'rooms-offered']);
    expect(lacks({ kind: 'commercial', commercialType: 'land' }).missing.map(({ path }) => path)).toEqual(['lot-area']);
  });

  test('a rent wants its period, a commercial rent its status', () => {
    const noPeriod = (xml: string) => xml.replace(/ *<period>.*\n/, '');
    expect(lacks({ deal: 'rent' }, noPeriod).missing).toEqual([
      { path: 'price/period', message: 'Нет обязательного элемента price/period: квартира, аренда.' },
    ]);
    expect(
      lacks({ kind: 'commercial', commercialType: 'office', deal: 'rent' }).missing.map(({ path }) => path),
    ).toEqual(['deal-status']);
    expect(lacks({ kind: 'commercial', commercialType: 'office', deal: 'rent', leaseType: 'direct' }).missing).toEqual(
      [],
    );
  });

  test('an offer that does not say what it is is told so', () => {
    expect(lacks({}, (xml) => xml.replace('>квартира<', '>изба<')).kindProblem).toContain('изба');
  });
});

describe('the order of the table', () => {
  test('our own offers have it, swapped ones do not', () => {
    const { xml } = offer();
    expect(isInTableOrder('yandex', parseElement(xml))).toBe(true);
    const swapped = xml.replace(/( *<rooms>.*\n)([\s\S]*?)( *<floor>.*\n)/, '$3$2$1');
    expect(swapped).not.toBe(xml);
    expect(isInTableOrder('yandex', parseElement(swapped))).toBe(false);
    const inside = xml.replace(/( *<value>41.5.*\n)( *<unit>.*\n)/, '$2$1');
    expect(isInTableOrder('yandex', parseElement(inside))).toBe(false);
  });
});

describe('a finished edition', () => {
  const edition = (offers: readonly JudgedOffer[]) =>
    yandex.header(MOMENT) + offers.map(({ xml }) => xml).join('') + yandex.footer;

  test('of good offers, and of none, is without fault', () => {
    expect(
      inspectEdition('yandex', edition([offer(), offer({ externalId: 'A-2', kind: 'land', landAreaM2: 600 })])),
    ).toEqual([]);
    expect(inspectEdition('yandex', edition([]))).toEqual([]);
  });

  test('tells all problems of all offers at once, with lines of the file', () => {
    const offers = [
      offer({}, (xml) => xml.replace('<floor>5<', '<floor>пять<')),
      offer({ externalId: 'A-2', kind: 'land' }),
      offer({ externalId: 'A-3' }, (xml) => xml.replace(/( *<rooms>.*\n)([\s\S]*?)( *<floor>.*\n)/, '$3$2$1')),
      offer(),
    ];
    const text = edition(offers);
    const lines = text.split('\n');
    const start = (id: string, from = 0) => lines.indexOf(`  <offer internal-id="${id}">`, from) + 1;
    const problems = inspectEdition('yandex', text);
    expect(brief(problems)).toEqual([
      [
        'A-1',
        lines.findIndex((line) => line.includes('пять')) + 1,
        '/realty-feed/offer[1]/floor',
        'floor = «пять»: нужно целое число.',
      ],
      ['A-2', start('A-2'), '/realty-feed/offer[2]/lot-area', 'Нет обязательного элемента lot-area: участок, продажа.'],
      [
        'A-3',
        start('A-3'),
        '/realty-feed/offer[3]/rooms',
        'Элемент rooms стоит не на своём месте: порядок таблицы нарушен.',
      ],
      ['A-1', start('A-1', 10), '/realty-feed/offer[4]', 'Номер A-1 уже есть у другого объявления файла.'],
    ]);
  });

  test('one missing element is told once', () => {
    const text = edition([offer({}, (xml) => xml.replace(/ *<price>[\s\S]*<\/price>\n/, ''))]);
    expect(inspectEdition('yandex', text).map(({ message }) => message)).toEqual([
      'Нет обязательного элемента price/value: квартира, продажа.',
      'Нет обязательного элемента price/currency: квартира, продажа.',
    ]);
  });

  test.each<[string, (text: string) => string, string]>([
    ['обрыв', (text) => text.slice(0, -20), 'not-well-formed'],
    ['обрыв в объявлении', (text) => text.slice(0, text.length / 2), 'not-well-formed'],
    ['лишний корень', (text) => `${text}<realty-feed/>`, 'not-well-formed'],
    [
      'DOCTYPE',
      (text) => text.replace('?>\n', '?>\n<!DOCTYPE realty-feed SYSTEM "file:///etc/passwd">\n'),
      'not-well-formed',
    ],
    ['чужой корень', (text) => text.replaceAll('realty-feed', 'feed'), 'wrong-root'],
    ['чужое пространство имён', (text) => text.replace('http://webmaster', 'https://webmaster'), 'wrong-root'],
    ['без объявления XML', (text) => text.slice(text.indexOf('\n') + 1), 'wrong-root'],
    ['без даты', (text) => text.replace(/ *<generation-date>.*\n/, ''), 'wrong-root'],
    [
      'дата в конце',
      (text) => text.replace(/( *<generation-date>.*\n)([\s\S]*)(<\/realty-feed>)/, '$2$1$3'),
      'wrong-root',
    ],
    [
      'чужое в корне',
      (text) => text.replace('</realty-feed>', '<x-company>1</x-company>\n</realty-feed>'),
      'wrong-root',
    ],
  ])('is refused: %s', (_, spoil, code) => {
    const [problem] = inspectEdition('yandex', spoil(edition([offer(), offer({ externalId: 'A-2' })])));
    expect(problem?.code).toBe(code);
    expect(problem?.message).toMatch(/[а-я]/);
  });
});

describe('a file of any length', () => {
  async function* stream(
    count: number,
    spoil: (index: number) => JudgedOffer | undefined,
  ): AsyncGenerator<JudgedOffer> {
    for (let index = 0; index < count; index++)
      yield { line: index * 40 + 4, ...(spoil(index) ?? offer({ externalId: `A-${index}` })) };
  }
  const all = async (problems: AsyncIterable<Problem>) => {
    const found: Problem[] = [];
    for await (const problem of problems) found.push(problem);
    return found;
  };

  test('is judged in batches, ids over the whole of it', async () => {
    const problems = await all(
      judgeFile(
        'yandex',
        stream(300, (index) =>
          index === 250
            ? offer({ externalId: 'A-3' })
            : index === 100
              ? offer({ externalId: 'A-100', kind: 'land' })
              : undefined,
        ),
        { isOwn: true },
      ),
    );
    expect(brief(problems)).toEqual([
      ['A-100', 4004, '/realty-feed/offer[101]/lot-area', 'Нет обязательного элемента lot-area: участок, продажа.'],
      ['A-3', 10004, '/realty-feed/offer[251]', 'Номер A-3 уже есть у другого объявления файла.'],
    ]);
  });

  test('of somebody else may have another order and a broken offer in it', async () => {
    const problems = await all(
      judgeFile(
        'yandex',
        stream(70, (index) =>
          index === 5
            ? offer({ externalId: 'A-5' }, (xml) => xml.replace('</type>', ''))
            : index === 6
              ? offer({ externalId: 'A-6' }, (xml) => xml.replace(/( *<rooms>.*\n)([\s\S]*?)( *<floor>.*\n)/, '$3$2$1'))
              : undefined,
        ),
      ),
    );
    expect(problems.map(({ id, code }) => [id, code])).toEqual([['A-5', 'not-well-formed']]);
  });
});

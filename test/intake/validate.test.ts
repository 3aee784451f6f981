import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listingAt } from '../../fixtures/agency.ts';
import { loadBoards } from '../../src/boards/catalogue.ts';
import { yandex } from '../../src/boards/formats/yandex.ts';
import { validateFeed } from '../../src/intake/validate.ts';

const board = loadBoards().find(({ id }) => id === 'yandex')!;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'validate-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const good = [listingAt(3), listingAt(4)].map((listing) =>
  yandex.render({ ...listing, contactPhones: ['+79000000001'] }),
);
const feed = (...offers: string[]) => `${yandex.header('2026-11-21T09:00:00+00:00')}${offers.join('')}${yandex.footer}`;

async function judge(text: string) {
  const file = join(folder, 'feed.xml');
  await writeFile(file, text);
  return validateFeed(file, board);
}

describe('validating a feed', () => {
  it('has nothing against a good one', async () => {
    expect(await judge(feed(...good))).toMatchObject({ format: 'yandex', offers: 2, blocking: 0 });
  });

  it('tells the line, the path and the listing of what the form refuses', async () => {
    const text = feed(good[0]!, good[1]!.replace(/<currency>RUB/, '<currency>TUGRIK'));
    const line = text.split('\n').findIndex((row) => row.includes('TUGRIK')) + 1;
    const { problems } = await judge(text);
    expect(problems.find(({ code }) => code === 'schema/wrong-value')).toMatchObject({
      severity: 'blocking',
      line,
      xpath: '/realty-feed/offer[2]/price/currency',
      listing: listingAt(4).externalId,
    });
  });

  it('tells an id that comes twice, whatever lies between', async () => {
    const { problems } = await judge(feed(good[0]!, good[1]!, good[0]!));
    expect(problems.filter(({ code }) => code === 'schema/duplicate-id')).toHaveLength(1);
  });

  it('judges a feed with a prefix like one without, and tells the prefix once', async () => {
    const prefixed = feed(...good)
      .replaceAll('<', '<y:')
      .replaceAll('<y:/', '</y:')
      .replace('<y:?xml', '<?xml')
      .replace('xmlns=', 'xmlns:y=');
    const report = await judge(prefixed);
    expect(report).toMatchObject({ offers: 2, blocking: 0 });
    expect(report.problems.filter(({ code }) => code === 'file/prefix')).toHaveLength(1);
  });

  it('speaks of rules with the same words as everywhere', async () => {
    const { problems, blocking } = await judge(feed(good[0]!.replace(/<phone>.*?<\/phone>/g, '<phone>12</phone>')));
    expect(blocking).toBeGreaterThan(0);
    expect(problems.map(({ code }) => code)).toEqual(
      expect.arrayContaining(['schema/unknown-value', 'yandex/contact-phones-missing']),
    );
  });

  it('refuses a torn file with its line', async () => {
    await expect(judge(feed(...good).slice(0, -30))).rejects.toMatchObject({ code: 'feed-truncated' });
  });
});

import { type Codec, defineCodec } from './codec.ts';
import { dateTime, kit, text, url } from './kit.ts';
import { DEAL } from './yandex/deal.ts';
import { kindRow } from './yandex/kind.ts';
import { MEDIA } from './yandex/media.ts';
import { AGENT, PLACE } from './yandex/place.ts';
import { PROPERTY } from './yandex/property.ts';

const { leaf, own } = kit('yandex');

/**
 * YRL, the format of Яндекс Недвижимость and of most other boards. Sources of the rows: Y-* are Yandex's own pages
 * (readable in part, 2019–2026), A17 and A19 vendor transcriptions of them, the rest working code and live feeds
 * of 2016–2026. Checked 2026-11-20.
 */
export const yandex: Codec = defineCodec({
  family: 'yandex',
  offerName: 'offer',
  rootName: 'realty-feed',
  rootAttrs: { xmlns: 'http://webmaster.yandex.ru/schemas/feed/realty/2010-06' },
  preamble: (generatedAt) => `  <generation-date>${generatedAt}</generation-date>\n`,
  rootsRead: ['realty-feed'],
  offersRead: ['offer'],
  rootChildrenKnown: ['generation-date', 'x-company'],
  rows: [
    kindRow,
    leaf('@internal-id', 'externalId', text(200, ['A-1001', '15782295']), {
      required: true,
      grade: 'official',
      source: 'Y-HOUS',
    }),
    own('lot-number', text(undefined, ['12', 'Л-7']), { grade: 'official', source: 'Y-HOUS' }),
    leaf('cadastral-number', 'cadastralNumber', text(undefined, ['77:01:0001001:1234', '66:41:0000000:12']), {
      grade: 'official',
      source: 'Y-HOUS, Y-ERR',
    }),
    own('url', url(), { grade: 'official', source: 'Y-HOUS' }),
    leaf('creation-date', 'createdAt', dateTime(), { required: true, grade: 'vendor', source: 'A17, EM26, MET26' }),
    leaf('last-update-date', 'updatedAt', dateTime(), { grade: 'vendor', source: 'A19, EM26' }),
    ...PLACE,
    ...DEAL,
    ...PROPERTY,
    ...AGENT,
    ...MEDIA,
  ],
  readAndDropped: {
    'expire-date': 'Срок на доске ведём сами; в описаниях после 2017 года элемента нет.',
    'payed-adv': 'Элемент 2016–2017 годов, доской не читается.',
    'manually-added': 'Элемент 2016–2017 годов, доской не читается.',
    'sales-agent/agency-id': 'Элемент 2016–2017 годов для досок-партнёров.',
    kitchen: 'Признак 2016–2017 годов; в описании 2019 года его нет.',
  },
});

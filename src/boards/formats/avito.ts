import { commercialRows } from './avito/commercial.ts';
import { headRows, tailRows } from './avito/common.ts';
import { houseRows } from './avito/house.ts';
import { landGarageRows } from './avito/land-garage.ts';
import { livingRows } from './avito/living.ts';
import { rentRows } from './avito/rent.ts';
import { type Codec, defineCodec } from './codec.ts';

/**
 * Avito Autoload, `<Ads formatVersion="3" target="Avito.ru">`: flats, rooms, bed places, houses, plots, garages and
 * commercial premises; sale, long-term and daily rent. Facts and source tags: formats/avito.md.
 */
export const avito: Codec = defineCodec({
  family: 'avito',
  rootName: 'Ads',
  rootAttrs: { formatVersion: '3', target: 'Avito.ru' },
  offerName: 'Ad',
  preamble: () => '',
  rootsRead: ['Ads'],
  offersRead: ['Ad'],
  rootChildrenKnown: [],
  rows: [...headRows, ...livingRows, ...houseRows, ...landGarageRows, ...commercialRows, ...rentRows, ...tailRows],
  readAndDropped: {
    Street: 'Beside an Address: Avito has looked at the Address alone since 2019. Without one it becomes the address.',
  },
});

import { BUILDING_ROWS, COMPLEX } from './cian/building.ts';
import { COMMERCIAL_ROWS } from './cian/commercial.ts';
import { GARAGE_ROWS } from './cian/garage.ts';
import { LIVING } from './cian/living.ts';
import { AROUND, HEAD, kindRow, TAIL } from './cian/shared.ts';
import { SUBURBAN_ROWS } from './cian/suburban.ts';
import { TERMS } from './cian/terms.ts';
import { type Codec, defineCodec } from './codec.ts';

/**
 * Cian's feed, version 2, all categories. Both generations of the format are read (A of 2018–2022 with `Land/Status`
 * and `Building/MaterialType` for houses, B from 2023 with `House`, `Gas`, `Water`, `Drainage`); B is written.
 * Sources of the rows are the S-keys of the facts file of 2026-11: S1 and S2 are Cian's own texts, S5, S16 and S17
 * live feeds, the rest working code. The format has no attributes, and the order of elements is free.
 */
export const cian: Codec = defineCodec({
  family: 'cian',
  offerName: 'object',
  rootName: 'feed',
  rootAttrs: {},
  preamble: () => '  <feed_version>2</feed_version>\n',
  rootsRead: ['feed', 'Feed'],
  offersRead: ['object', 'Object'],
  rootChildrenKnown: ['feed_version', 'generated', 'subagent'],
  rows: [
    kindRow,
    ...HEAD,
    ...AROUND,
    ...LIVING,
    ...GARAGE_ROWS,
    ...COMMERCIAL_ROWS,
    ...SUBURBAN_ROWS,
    ...BUILDING_ROWS,
    ...COMPLEX,
    ...TERMS,
    ...TAIL,
  ],
  readAndDropped: {},
});

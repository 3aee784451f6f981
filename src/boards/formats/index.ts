import type { Family } from '../../domain/listing.ts';
import { avito } from './avito.ts';
import { cian } from './cian.ts';
import type { Codec } from './codec.ts';
import { yandex } from './yandex.ts';

/** The codecs of all format families: the one place where they are named. */
export const CODECS: Readonly<Record<Family, Codec>> = { avito, cian, yandex };

import type { Row } from '../codec.ts';
import { flag, list, words } from '../kit.ts';
import { BUILDING, commercial, during, FREE, from, GARAGE, GARAGE_BOX, leaf, OFFICE, own } from './shapes.ts';
import { GARAGE_TYPE } from './shared.ts';

/** Garages, boxes and parking places: section 4.9 of the facts file. */

const yesNo = flag('true', 'false');

export const GARAGE_ROWS: readonly Row[] = [
  leaf(
    'Garage/Type',
    'garageType',
    GARAGE_TYPE,
    from('S3, S12', { when: GARAGE, required: during(GARAGE, 'sale', 'rent') }),
  ),
  own('Garage/GarageType', list('builtIn', 'capital', 'samostroy', 'shell'), from('S3, S12', { when: GARAGE_BOX })),
  leaf(
    'Garage/Material',
    'garageMaterial',
    words([
      ['brick', 'brick'],
      ['metal', 'metal'],
    ]),
    from('S3, S12', { when: GARAGE_BOX }),
  ),
  leaf(
    'Garage/Status',
    'garageOwnership',
    words([
      ['private', 'ownership'],
      ['cooperative', 'cooperative'],
      ['by-proxy', 'byProxy'],
    ]),
    from('S3, S12', { when: GARAGE }),
  ),
  own('HasLight', yesNo, from('S3', { when: GARAGE })),
  own('HasHeating', yesNo, from('S3, S5', { when: [GARAGE, commercial(OFFICE, BUILDING, FREE)] })),
  own('HasExtinguishingSystem', yesNo, from('S3', { when: GARAGE })),
  // HasCarWash and HasCarService are told of offices and shopping areas as well, see commercial.ts.
  ...[
    'HasTire',
    'HasInspectionPit',
    'HasVideoSurveillance',
    'HasHourSecurity',
    'HasAutomaticGates',
    'HasEntryByPass',
    'HasBasement',
  ].map((name) => own(`Building/Infrastructure/${name}`, yesNo, from('S3', { when: GARAGE }))),
];

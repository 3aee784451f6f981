import type { Metro } from '../../../domain/listing.ts';
import { type Row, valueOf } from '../codec.ts';
import { decimal, integer, kit, pattern, text, url } from '../kit.ts';
import { readPhone } from '../phone.ts';
import type { XmlNode } from '../xml.ts';

const { leaf, own, group } = kit('yandex');

/** The parts of an address that this family writes beside the street line. */
function prefixOf(parts: (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined && part !== '').join(', ');
}

const PLACE_PARTS = [
  ['region', 'location/region'],
  ['district', 'location/district'],
  ['locality', 'location/locality-name'],
] as const;

/**
 * Our address is one line from the region down to the house; this family tells region, district and settlement
 * apart and leaves them out of `address`. A line that names the settlement already is kept whole.
 */
const address: Row = group({
  elements: [
    ...PLACE_PARTS.map(([, path]) => ({ path, type: { type: 'string', minLength: 1 } as const })),
    { path: 'location/address', type: { type: 'string', minLength: 1 }, required: true },
  ],
  fields: ['address', ...PLACE_PARTS.map(([field]) => field)],
  grade: 'vendor',
  source: 'A19, EM26, MAX26',
  write(listing, out) {
    for (const [field, path] of PLACE_PARTS) out.leaf(path, listing[field]);
    const prefix = prefixOf(PLACE_PARTS.map(([field]) => listing[field]));
    const line = listing.address;
    const isPrefixed = prefix !== '' && line?.startsWith(`${prefix}, `);
    out.leaf('location/address', isPrefixed ? line!.slice(prefix.length + 2) : line);
  },
  read(offer, draft) {
    for (const [field, path] of PLACE_PARTS) draft.set(field, offer.take(path));
    const line = offer.take('location/address');
    const prefix = prefixOf(PLACE_PARTS.map(([field]) => draft.get(field) as string | undefined));
    if (line === undefined) return draft.set('address', prefix || undefined);
    const named = line
      .toLowerCase()
      .split(',')
      .map((part) => part.trim().replace(/^г(?:\.|ород)?\s+/, ''));
    const locality = String(draft.get('locality') ?? '').toLowerCase();
    const isWhole =
      `${line}, `.startsWith(`${prefix}, `) || prefix === '' || (locality !== '' && named.includes(locality));
    draft.set('address', isWhole ? line : `${prefix}, ${line}`);
  },
  samples: [
    { address: 'Воронежская область, Воронеж, улица Примерная, 1', region: 'Воронежская область', locality: 'Воронеж' },
    { address: 'Москва, улица Примерная, 2', locality: 'Москва' },
    { address: 'Новосибирск, улица Примерная, 3' },
    {
      address: 'Московская область, Дмитровский район, Икша, улица Примерная, 4',
      region: 'Московская область',
      district: 'Дмитровский район',
      locality: 'Икша',
    },
    {
      address: 'Московская область, Химкинский район, Химки, улица Примерная, 4',
      region: 'Московская область',
      district: 'Химкинский район',
      locality: 'Химки',
    },
  ],
});

const MINUTES = { type: 'integer', min: 0, max: 999 } as const;

const metro: Row = group({
  elements: [
    { path: 'location/metro', type: { type: 'block' }, isRepeated: true },
    { path: 'location/metro/name', type: { type: 'string', minLength: 1 }, isRequiredInParent: true },
    { path: 'location/metro/time-on-foot', type: MINUTES },
    { path: 'location/metro/time-on-transport', type: MINUTES },
  ],
  fields: ['metro'],
  grade: 'vendor',
  source: 'A17, A19, WIND',
  write(listing, out) {
    for (const station of listing.metro ?? []) {
      // Its name may be gone with the characters that XML does not allow.
      if (!station.name) continue;
      const children: XmlNode[] = [{ name: 'name', text: station.name }];
      if (station.walkMinutes !== undefined) children.push({ name: 'time-on-foot', text: String(station.walkMinutes) });
      if (station.transportMinutes !== undefined) {
        children.push({ name: 'time-on-transport', text: String(station.transportMinutes) });
      }
      out.block('location/metro', children);
    }
  },
  read(offer, draft) {
    const minutes = integer(0, 999);
    const stations: Metro[] = [];
    for (const block of offer.all('location/metro')) {
      const name = block.take('name');
      if (name === undefined) continue;
      const station: Metro = { name };
      for (const [path, key] of [
        ['time-on-foot', 'walkMinutes'],
        ['time-on-transport', 'transportMinutes'],
      ] as const) {
        const raw = block.take(path);
        const value = raw === undefined ? undefined : minutes.read(raw);
        if (raw !== undefined && value === undefined) draft.fail(`location/metro/${path}`, raw);
        else if (value !== undefined) station[key] = value;
      }
      stations.push(station);
    }
    if (stations.length > 0) draft.set('metro', stations);
  },
  samples: [
    { metro: [{ name: 'Арбатская', walkMinutes: 6 }] },
    { metro: [{ name: 'Динамо', walkMinutes: 0, transportMinutes: 3 }, { name: 'Аэропорт' }] },
    { metro: [{ name: 'Сокол', transportMinutes: 12 }] },
  ],
});

export const PLACE: readonly Row[] = [
  group({
    elements: [{ path: 'location/country', type: { type: 'enum', values: ['Россия'] } }],
    fields: ['own:location/country'],
    required: true,
    grade: 'vendor',
    source: 'A19, EM26: только объекты в России',
    // Another country is kept as it was told, so that a rule can stop it and nobody turns it into Russia.
    write: (listing, out) =>
      out.leaf('location/country', String(valueOf(listing, 'yandex', 'own:location/country') ?? 'Россия')),
    read(offer, draft) {
      const country = offer.take('location/country');
      if (country !== undefined && !['россия', 'russia', 'рф'].includes(country.toLowerCase())) {
        draft.set('own:location/country', country);
      }
    },
    samples: [],
  }),
  address,
  leaf('location/sub-locality-name', 'subLocality', text(), {
    grade: 'vendor',
    source: 'A19',
    also: ['location/non-admin-sub-locality'],
  }),
  leaf('location/apartment', 'apartmentNumber', text(30, ['7', '12а']), { grade: 'official', source: 'Y-ERR, MET26' }),
  own('location/direction', text(undefined, ['Киевское шоссе', 'Минское шоссе']), { grade: 'vendor', source: 'A19' }),
  own('location/distance', decimal({ min: 0, samples: [12, 0] }), { grade: 'vendor', source: 'A19' }),
  leaf('location/latitude', 'latitude', decimal({ min: -90, max: 90, samples: [55.75, 56.83] }), {
    source: 'MET26, PAM26',
    grade: 'production',
  }),
  leaf('location/longitude', 'longitude', decimal({ min: -180, max: 180, samples: [37.61, 60.6] }), {
    source: 'MET26, PAM26',
    grade: 'production',
  }),
  metro,
  own('location/railway-station', text(undefined, ['Икша', 'Лобня']), { grade: 'vendor', source: 'A19' }),
  leaf('location/village-name', 'settlementName', text(undefined, ['Берёзки', 'Сосновый бор']), {
    grade: 'code',
    source: 'генератор фидов, без подтверждения',
  }),
  own('location/yandex-village-id', integer(1), { grade: 'code', source: 'генератор фидов, без подтверждения' }),
];

/** `sales-agent`: agencies are the only sellers we write for; an owner's advert is placed by the agency too. */
export const AGENT: readonly Row[] = [
  leaf('sales-agent/name', 'contactName', text(undefined, ['Иван', 'Мария Петрова']), {
    grade: 'vendor',
    source: 'A19',
  }),
  group({
    elements: [
      {
        path: 'sales-agent/phone',
        type: { type: 'string', pattern: '\\+7\\d{10}' },
        isRepeated: true,
        isRequiredInParent: true,
      },
    ],
    fields: ['contactPhones'],
    required: true,
    grade: 'official',
    source: 'Y-ERR, A19, EM26',
    write(listing, out) {
      for (const phone of listing.contactPhones ?? [])
        if (/^\+7\d{10}$/.test(phone)) out.leaf('sales-agent/phone', phone);
    },
    read(offer, draft) {
      const phones: string[] = [];
      for (const element of offer.all('sales-agent/phone')) {
        element.isUsed = true;
        const phone = readPhone(element.text);
        if (phone === undefined) draft.fail('sales-agent/phone', element.text);
        else if (!phones.includes(phone)) phones.push(phone);
      }
      if (phones.length > 0) draft.set('contactPhones', phones);
    },
    samples: [{ contactPhones: ['+79000000001'] }, { contactPhones: ['+74957771066', '+79000000002'] }],
  }),
  group({
    elements: [
      {
        path: 'sales-agent/category',
        type: { type: 'enum', values: ['агентство', 'застройщик'] },
        isRequiredInParent: true,
      },
    ],
    fields: ['sellerRole'],
    required: true,
    grade: 'vendor',
    source: 'A19, EM26; «владелец» только в описаниях 2016–2019 годов',
    write: (listing, out) =>
      out.leaf('sales-agent/category', listing.sellerRole === 'developer' ? 'застройщик' : 'агентство'),
    read(offer, draft) {
      const raw = offer.take('sales-agent/category');
      if (raw === undefined) return;
      const word = raw.toLowerCase();
      if (['агентство', 'agency'].includes(word)) draft.set('sellerRole', 'agency');
      else if (['застройщик', 'developer'].includes(word)) draft.set('sellerRole', 'developer');
      else if (['владелец', 'owner'].includes(word)) draft.set('sellerRole', 'owner');
      else draft.fail('sales-agent/category', raw);
    },
    samples: [{ sellerRole: 'agency' }, { sellerRole: 'developer' }],
  }),
  leaf('sales-agent/organization', 'organization', text(undefined, ['АН «Пример»', 'Дом']), {
    grade: 'vendor',
    source: 'A19',
  }),
  own('sales-agent/url', url(), { grade: 'vendor', source: 'A19' }),
  leaf('sales-agent/email', 'contactEmail', pattern(/^[^@\s]+@[^@\s]+\.[^@\s]+$/, ['a@example.ru', 'b@example.com']), {
    grade: 'production',
    source: 'EM26, MET26',
  }),
  own('sales-agent/photo', url(), { grade: 'vendor', source: 'A19, EM26' }),
  own('sales-agent/whatsapp-phone', text(undefined, ['+79000000001', '+79000000002']), {
    grade: 'code',
    source: 'PAM26',
  }),
  own('sales-agent/telegram-link', text(undefined, ['https://t.me/example', 'https://t.me/primer']), {
    grade: 'code',
    source: 'PAM26',
  }),
  own('sales-agent/max-link', text(undefined, ['https://max.ru/example', 'https://max.ru/primer']), {
    grade: 'code',
    source: 'PAM26',
  }),
  own('sales-agent/partner', text(undefined, ['partner-1', 'partner-2']), { grade: 'code', source: 'A17, PAM26' }),
];

import { DEAL_LABELS, KIND_LABELS, type Listing, type Metro, type Photo } from './listing.ts';
import { agree, formatNumber } from './text.ts';

/** What the listing's closed lists are called in a running text. An empty word says nothing and is left out. */

type Word<F extends keyof Listing> = Extract<NonNullable<Listing[F]> extends (infer E)[] ? E : Listing[F], string>;
type Choice =
  | 'kind'
  | 'deal'
  | 'market'
  | 'houseType'
  | 'garageType'
  | 'commercialType'
  | 'vat'
  | 'saleType'
  | 'contractType'
  | 'leaseType'
  | 'sellerRole'
  | 'rentPeriod'
  | 'roomLayout'
  | 'wallMaterial'
  | 'parkingKinds'
  | 'heating'
  | 'renovation'
  | 'decoration'
  | 'commercialCondition'
  | 'windowViews'
  | 'gasSupply'
  | 'waterSupply'
  | 'sewerage'
  | 'toiletPlace'
  | 'landStatus'
  | 'garageMaterial'
  | 'garageOwnership'
  | 'businessCenterType'
  | 'buildingClass'
  | 'entranceFrom'
  | 'houseLine';

export const WORDS: { readonly [F in Choice]: Readonly<Record<Word<F>, string>> } = {
  kind: KIND_LABELS,
  deal: DEAL_LABELS,
  market: { resale: 'вторичное жильё', new: 'новостройка' },
  houseType: {
    house: 'дом',
    dacha: 'дача',
    cottage: 'коттедж',
    townhouse: 'таунхаус',
    duplex: 'дуплекс',
    part: 'часть дома',
  },
  garageType: { garage: 'гараж', box: 'бокс', 'parking-place': 'машино-место' },
  commercialType: {
    office: 'офис',
    retail: 'торговое помещение',
    'free-purpose': 'помещение свободного назначения',
    warehouse: 'склад',
    manufacturing: 'производственное помещение',
    building: 'здание',
    business: 'готовый бизнес',
    land: 'земельный участок под бизнес',
    catering: 'помещение общепита',
    hotel: 'гостиница',
    'auto-service': 'автосервис',
    coworking: 'коворкинг',
    'storage-room': 'кладовая',
    'legal-address': 'юридический адрес',
  },
  vat: { included: 'НДС включён в цену', 'not-included': 'НДС не включён в цену', usn: 'упрощённая система, без НДС' },
  saleType: {
    free: 'свободная продажа',
    alternative: 'альтернативная продажа',
    'primary-resale': 'первичная продажа',
    developer: 'продажа от застройщика',
    assignment: 'продажа по договору уступки',
  },
  contractType: { sale: 'купля-продажа', 'lease-assignment': 'переуступка права аренды' },
  leaseType: { direct: 'прямая аренда', sublease: 'субаренда' },
  sellerRole: { owner: 'собственник', agency: 'агентство', developer: 'застройщик' },
  rentPeriod: { month: 'в месяц', year: 'в год' },
  roomLayout: {
    separate: 'изолированные комнаты',
    adjacent: 'смежные комнаты',
    both: 'изолированные и смежные комнаты',
  },
  wallMaterial: {
    brick: 'кирпич',
    panel: 'панель',
    block: 'блоки',
    monolith: 'монолит',
    'monolith-brick': 'монолит и кирпич',
    wood: 'дерево',
    stalin: 'сталинский дом',
    old: 'старый фонд',
    'aerated-concrete': 'газобетон',
    frame: 'каркас',
    metal: 'металл',
    sandwich: 'сэндвич-панели',
    'reinforced-concrete': 'железобетон',
    log: 'бревно',
    other: '',
  },
  parkingKinds: {
    underground: 'подземная парковка',
    multilevel: 'многоуровневая парковка',
    open: 'открытая парковка',
    gated: 'парковка за шлагбаумом',
    ground: 'наземная парковка',
    roof: 'парковка на крыше',
    covered: 'крытая парковка',
  },
  heating: {
    no: '',
    central: 'центральное отопление',
    autonomous: 'автономное отопление',
    gas: 'газовое отопление',
    electric: 'электрическое отопление',
    stove: 'печное отопление',
    fireplace: 'отопление от камина',
    boiler: 'отопление от котла',
    other: '',
  },
  renovation: {
    needs: 'требуется ремонт',
    cosmetic: 'косметический ремонт',
    euro: 'евроремонт',
    designer: 'дизайнерский ремонт',
  },
  decoration: {
    without: 'без отделки',
    rough: 'черновая отделка',
    'pre-fine': 'предчистовая отделка',
    fine: 'чистовая отделка',
    turnkey: 'отделка под ключ',
  },
  commercialCondition: { unfinished: 'без отделки', fine: 'чистовая отделка', office: 'офисная отделка' },
  windowViews: { yard: 'окна во двор', street: 'окна на улицу', sunny: 'окна на солнечную сторону' },
  gasSupply: {
    main: 'магистральный газ',
    border: 'газ по границе участка',
    holder: 'газгольдер',
    bottle: 'газ в баллонах',
  },
  waterSupply: { central: 'центральный водопровод', borehole: 'вода из скважины', well: 'вода из колодца' },
  sewerage: {
    central: 'центральная канализация',
    septic: 'септик',
    cesspool: 'выгребная яма',
    bio: 'станция биоочистки',
  },
  toiletPlace: { indoors: 'санузел в доме', outdoors: 'санузел на улице' },
  landStatus: {
    izhs: 'ИЖС',
    snt: 'СНТ',
    dnp: 'ДНП',
    lph: 'ЛПХ',
    farm: 'фермерское хозяйство',
    industrial: 'промышленное назначение',
    other: '',
  },
  garageMaterial: { brick: 'кирпичные стены', metal: 'металлические стены', concrete: 'железобетонные стены' },
  garageOwnership: { private: 'в собственности', cooperative: 'в кооперативе', 'by-proxy': 'по доверенности' },
  businessCenterType: {
    'business-center': 'бизнес-центр',
    'shopping-center': 'торговый центр',
    administrative: 'административное здание',
    residential: 'жилой дом',
    detached: 'отдельно стоящее здание',
    warehouse: 'складской комплекс',
    other: '',
  },
  buildingClass: { A: 'A', 'A+': 'A+', B: 'B', 'B+': 'B+', 'B-': 'B-', C: 'C', 'C+': 'C+', D: 'D' },
  entranceFrom: { street: 'вход с улицы', yard: 'вход со двора' },
  houseLine: { first: 'первая линия домов', second: 'вторая линия домов', other: '' },
};

/** The word for a value of a closed list; undefined when the field is not one, an empty word where nothing is said. */
export function wordFor(field: string, value: unknown): string | undefined {
  const words = Object.hasOwn(WORDS, field) ? (WORDS as Record<string, Record<string, string>>)[field]! : undefined;
  return words && typeof value === 'string' && Object.hasOwn(words, value) ? words[value] : undefined;
}

const CURRENCY_SIGNS = { RUB: '₽', USD: '$', EUR: '€' } as const;

/**
 * A value of a field as people read it, in the units people use: «9 800 000 ₽», «54,3 м²», «кирпичный», «да».
 * @param currency of the listing; only its price is in it
 */
export function valueWords(field: string, value: unknown, currency: Listing['currency'] = 'RUB'): string {
  if (value === null || value === undefined) return 'пусто';
  if (typeof value === 'boolean') return value ? 'да' : 'нет';
  if (typeof value === 'number') {
    if (field.endsWith('Kopecks'))
      return `${formatNumber(value / 100)} ${CURRENCY_SIGNS[field === 'priceKopecks' ? currency : 'RUB']}`;
    return field.endsWith('M2') ? `${formatNumber(value)} м²` : formatNumber(value);
  }
  if (typeof value === 'string') return wordFor(field, value) || value;
  if (field === 'photos') {
    const count = (value as Photo[]).length;
    return `${formatNumber(count)} ${agree(count, 'снимок', 'снимка', 'снимков')}`;
  }
  if (field === 'metro') return (value as Metro[]).map(({ name }) => name).join(', ');
  if (Array.isArray(value) && value.every((part) => typeof part === 'string'))
    return value.map((part) => wordFor(field, part) || part).join(', ');
  return JSON.stringify(value);
}

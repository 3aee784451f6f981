import { DEAL_LABELS, DEALS, KIND_LABELS } from './listing.ts';
import { FIXER_LABELS } from './people.ts';
import { agree, formatNumber } from './text.ts';
import { WORDS } from './words.ts';

/**
 * What every setting is, for a person who is about to change it: the screen and the command line say the same. A path
 * is that of settings-paths.ts; `*` stands for the lines of a list.
 */
export interface SettingWords {
  readonly label: string;
  /** What it does, in a sentence or two. */
  readonly about: string;
  /** What stands after a number. */
  readonly unit?: Unit;
  /** Words for the values of a closed list, `true` and `false` among them. */
  readonly choices?: Readonly<Record<string, string>>;
  /** What null means. */
  readonly empty?: string;
  /** It decides who goes out or who pays: its effect can be told before it is saved. */
  readonly isFelt?: boolean;
}

/** «%», or a noun: день, дня, дней. */
export type Unit = string | readonly [one: string, few: string, many: string];

/** «3 дня», «20 %». */
export const withUnit = (value: number, unit: Unit): string =>
  `${formatNumber(value)} ${typeof unit === 'string' ? unit : agree(value, ...unit)}`;

const DAYS = ['день', 'дня', 'дней'] as const;
const HOURS = ['час', 'часа', 'часов'] as const;
const SECONDS = ['секунда', 'секунды', 'секунд'] as const;
const OBJECTS = ['объект', 'объекта', 'объектов'] as const;
const TIMES = ['раз', 'раза', 'раз'] as const;

/** The parts of the agency's settings, in the order in which people meet them. */
export const SETTING_SECTIONS = {
  market: 'Рынок и стадии сделки',
  freshness: 'Актуальность',
  terms: 'Сроки размещения',
  moderation: 'Модерация',
  runs: 'Когда собираются фиды',
  brake: 'Тормоз',
  photos: 'Фотографии',
  texts: 'Автотекст',
  money: 'Деньги',
  access: 'Вход',
  rights: 'Права',
} as const;

const ROLE_OR_HIGHER = {
  agent: `${FIXER_LABELS.agent} и все старшие`,
  adSpecialist: `${FIXER_LABELS.adSpecialist} и старшие`,
  manager: `${FIXER_LABELS.manager} и ${FIXER_LABELS.admin}`,
  admin: `только ${FIXER_LABELS.admin}`,
} as const;

const DEAL_CHOICES: Readonly<Record<string, string>> = Object.fromEntries(
  DEALS.map((deal) => [deal, DEAL_LABELS[deal]]),
);
const KIND = { label: 'Вид', about: 'Для объектов какого вида строка; пусто — для всех.', choices: KIND_LABELS };
const DEAL = { label: 'Сделка', about: 'Для какой сделки строка; пусто — для всех.', choices: DEAL_CHOICES };

export const AGENCY_SETTING_WORDS: Readonly<Record<string, SettingWords>> = {
  'market.reservedWithdraws': {
    label: 'Бронь снимает с досок',
    about: 'Забронированный объект уходит с досок и возвращается сам, когда бронь кончится.',
    isFelt: true,
  },
  'market.stages': {
    label: 'Стадии сделки',
    about: 'Стадии, как их называет агентство. Стадия, которой здесь нет, рекламу разрешает.',
    isFelt: true,
  },
  'market.stages.*.name': { label: 'Стадия', about: 'Название, как его присылает CRM.' },
  'market.stages.*.effect': {
    label: 'Реклама',
    about: 'Что стадия значит для рекламы объекта.',
    choices: { permits: 'разрешает', 'not-yet': 'ещё не разрешает', withdraws: 'снимает с досок' },
  },
  'market.stages.*.changedBy': {
    label: 'Кто меняет',
    about: 'Кто может перевести объект с этой стадии на другую; пусто — все.',
    choices: ROLE_OR_HIGHER,
  },
  'market.requiresStage': {
    label: 'Без стадии не рекламировать',
    about: 'Объект выйдет, только когда у него указана стадия, которая разрешает рекламу.',
    isFelt: true,
  },
  'freshness.saleDays': {
    label: 'Продажа актуальна',
    about:
      'Сколько дней верить объекту на продажу после того, как его изменили или подтвердили. Потом он уходит с досок, пока агент не подтвердит.',
    unit: DAYS,
    isFelt: true,
  },
  'freshness.rentDays': {
    label: 'Аренда актуальна',
    about: 'То же для аренды, долгой и посуточной.',
    unit: DAYS,
    isFelt: true,
  },
  'freshness.askHours.sale': {
    label: 'Спросить агента о продаже',
    about: 'За сколько часов до конца актуальности агента просят подтвердить объект на продажу.',
    unit: HOURS,
  },
  'freshness.askHours.rent': {
    label: 'Спросить агента об аренде',
    about: 'За сколько часов до конца актуальности агента просят подтвердить объект в аренду.',
    unit: HOURS,
  },
  'freshness.managerHours.sale': {
    label: 'Сказать руководителю о продаже',
    about: 'За сколько часов до конца актуальности о неподтверждённой продаже узнаёт руководитель.',
    unit: HOURS,
  },
  'freshness.managerHours.rent': {
    label: 'Сказать руководителю об аренде',
    about: 'За сколько часов до конца актуальности о неподтверждённой аренде узнаёт руководитель.',
    unit: HOURS,
  },
  'freshness.archiveAfterDays': {
    label: 'В архив',
    about: 'Объект, который столько дней остаётся неподтверждённым, уходит в архив сам.',
    unit: DAYS,
    empty: 'никогда',
  },
  'freshness.callBack.notRentedHours': {
    label: 'Перезвонить, если ещё не сдан',
    about: 'Через сколько часов после ответа «не сдан» агенту пора звонить собственнику снова.',
    unit: HOURS,
  },
  'freshness.callBack.noAnswerHours': {
    label: 'Перезвонить, если не ответили',
    about: 'Через сколько часов звонить снова, когда собственник не взял трубку.',
    unit: HOURS,
  },
  'freshness.callBack.busyHours': {
    label: 'Перезвонить, если занято',
    about: 'Через сколько часов звонить снова, когда у собственника было занято.',
    unit: HOURS,
  },
  'terms.defaults': {
    label: 'Срок новой отметки',
    about:
      'На сколько дней отмечается объект, если срок не назвали. Решает первая подходящая строка; без неё срок без конца.',
  },
  'terms.defaults.*.board': { label: 'Доска', about: 'Для какой доски строка; пусто — для всех.' },
  'terms.defaults.*.kind': KIND,
  'terms.defaults.*.deal': DEAL,
  'terms.defaults.*.days': { label: 'Дней', about: 'Срок размещения.', unit: DAYS, empty: 'без конца' },
  'terms.warnDays': {
    label: 'Предупредить о конце срока',
    about: 'За сколько дней агент узнаёт, что срок размещения кончается.',
    unit: DAYS,
  },
  'terms.atEnd': {
    label: 'В последний день срока',
    about: 'Что делать с отметкой, если до последнего дня никто ничего не решил.',
    choices: { withdraw: 'снять с доски', extend: 'продлить на такой же срок' },
  },
  'moderation.mode': {
    label: 'Модерация',
    about: 'Выходят ли объекты на доски только после проверки. Кабинет может решить иначе.',
    choices: { off: 'выключена', on: 'включена' },
    isFelt: true,
  },
  'moderation.edit': {
    label: 'Пока правка ждёт проверки',
    about: 'Что делать с объявлением, которое уже стоит на доске.',
    choices: { stop: 'снять с доски', 'keep-approved': 'оставить на доске одобренный вариант' },
    isFelt: true,
  },
  'moderation.keepDays': {
    label: 'Держать одобренный вариант',
    about: 'Сколько дней одобренный вариант остаётся на доске, если правку никто не проверил.',
    unit: DAYS,
    isFelt: true,
  },
  'moderation.mayApproveOwn': {
    label: 'Можно одобрять свои объекты',
    about: 'Может ли модератор одобрить объект, за который отвечает сам.',
  },
  'moderation.policy': {
    label: 'Что проходит без проверки',
    about:
      'По полям: проверять любое изменение, пропускать любое или пропускать изменение числа в пределах процентов. Поле, которое не названо, проверяют.',
    isFelt: true,
  },
  'moderation.returnReasons': {
    label: 'Причины возврата',
    about: 'Из чего модератор выбирает, возвращая объект: первые девять — клавишами 1–9. Агент видит текст и поле.',
  },
  'moderation.returnReasons.*.code': { label: 'Код', about: 'Латиницей, цифрами и дефисом; не меняется.' },
  'moderation.returnReasons.*.text': { label: 'Текст для агента', about: 'Что не так и что сделать.' },
  'moderation.returnReasons.*.field': {
    label: 'Поле',
    about: 'Поле, которое надо исправить; пусто — весь объект.',
    empty: 'весь объект',
  },
  'moderation.bulkPricePercent': {
    label: 'Одобрять списком изменение цены до',
    about: 'Правки, где изменилась только цена и не больше чем на столько, можно одобрить сразу списком.',
    unit: '%',
  },
  'moderation.trusted.employeeIds': {
    label: 'Доверенные агенты',
    about: 'Объекты этих сотрудников одобряются сами, кроме выборки. После возврата объект снова смотрит модератор.',
  },
  'moderation.trusted.sharePercent': {
    label: 'Выборка у доверенных',
    about: 'Какую часть их объектов всё равно смотрит модератор. Что попадёт в выборку, зависит только от содержания.',
    unit: '%',
  },
  'runs.gatherSeconds': {
    label: 'Собирать правки',
    about: 'Сколько секунд ждать других правок, прежде чем собрать фид. Снятие с доски не ждёт никогда.',
    unit: SECONDS,
  },
  'runs.slots': {
    label: 'Часы выхода правок',
    about: 'Если часы названы, правки выходят только в эти часы по времени кабинета. Пусто — в любое время.',
  },
  'brake.isOn': {
    label: 'Тормоз включён',
    about:
      'Если из фида разом ушло бы слишком много объектов по одной общей причине, они остаются, пока человек не согласится.',
    isFelt: true,
  },
  'brake.sharePercent': {
    label: 'Доля потери',
    about: 'Тормоз срабатывает, если уходит больше этой доли последнего издания…',
    unit: '%',
    isFelt: true,
  },
  'brake.offers': {
    label: 'Потеря в объектах',
    about: '…и больше стольких объектов.',
    unit: OBJECTS,
    isFelt: true,
  },
  'brake.priceFactor': {
    label: 'Скачок цены',
    about: 'Цена, которая изменилась во столько раз или больше, не выходит, пока её не подтвердят.',
    unit: TIMES,
    isFelt: true,
  },
  'photos.ownHost': {
    label: 'Свой сервер фотографий',
    about:
      'Имя сервера агентства, который стоит в закрытой сети; с портом, если он необычный. Другие внутренние адреса мы не открываем.',
    empty: 'нет',
  },
  'texts.fillsEmpty': {
    label: 'Писать пустые описания',
    about: 'Пишется ли описание по шаблону, когда объект пришёл без него. Описание агента автотекст не трогает.',
  },
  'texts.templates': {
    label: 'Шаблоны описаний',
    about: 'Берётся самый точный из подходящих шаблонов, без них — встроенный. Описание пишется один раз.',
  },
  'texts.templates.*.name': { label: 'Название', about: 'По нему шаблон находят.' },
  'texts.templates.*.kind': KIND,
  'texts.templates.*.deal': DEAL,
  'texts.templates.*.commercialType': {
    label: 'Вид коммерческого',
    about: 'Для какого вида коммерческих объектов; пусто — для всех.',
    choices: WORDS.commercialType,
  },
  'texts.templates.*.text': {
    label: 'Текст',
    about:
      '{areaM2} — значение поля, {hasGas?есть газ} — слова, если это есть, [[…]] — фраза, которой нет, если нет значения.',
  },
  'texts.formulas': {
    label: 'Поля по формулам',
    about: 'Вычисляемые поля: их можно вставить в шаблон. Деньги в копейках, площади в м².',
  },
  'texts.formulas.*.name': { label: 'Имя', about: 'Латиницей, первая буква строчная.' },
  'texts.formulas.*.label': { label: 'Подпись', about: 'Как поле называется по-русски.' },
  'texts.formulas.*.formula': { label: 'Формула', about: '+ − * /, скобки, поля объекта, round, min, max.' },
  'texts.commissionPercent': {
    label: 'Комиссия агентства',
    about: 'Сколько процентов цены агентство берёт за сделку: для поля «комиссия» в шаблонах. 0 — не считать.',
    unit: '%',
  },
  'money.payer': {
    label: 'Кто платит за объект',
    about:
      'С чьего счёта начинать. Нет своего счёта — платит следующий вверх: отдел, филиал, агентство. Пустой счёт никого не просит.',
    choices: { employee: 'сотрудник', department: 'отдел', branch: 'филиал', agency: 'агентство' },
    isFelt: true,
  },
  'money.warnDays': {
    label: 'Предупредить о деньгах',
    about: 'На сколько дней должно хватать счёта, чтобы его владельца не предупреждали.',
    unit: DAYS,
  },
  'access.secondFactor': {
    label: 'Второй фактор',
    about: 'Обязаны ли те, кто двигает деньги и даёт права, входить по паролю и коду из приложения.',
    choices: { required: 'обязателен', offered: 'по желанию' },
  },
  rights: {
    label: 'Кому что можно',
    about: 'Наименьшая роль для действия, если у агентства она не такая, как обычно.',
    choices: ROLE_OR_HIGHER,
  },
};

export const CABINET_SETTING_WORDS: Readonly<Record<string, SettingWords>> = {
  moderation: {
    label: 'Модерация в кабинете',
    about: 'Проверяют ли объекты этого кабинета.',
    choices: { off: 'выключена', on: 'включена' },
    empty: 'как в агентстве',
    isFelt: true,
  },
  edit: {
    label: 'Пока правка ждёт проверки',
    about: 'Что делать с объявлением, которое уже стоит на доске.',
    choices: { stop: 'снять с доски', 'keep-approved': 'оставить на доске одобренный вариант' },
    empty: 'как в агентстве',
    isFelt: true,
  },
  package: {
    label: 'Пакет',
    about: 'Сколько объектов кабинет показывает одновременно или сколько размещений куплено на период.',
    empty: 'пакета нет, место есть у каждого',
    isFelt: true,
  },
  turnDays: {
    label: 'Место даётся',
    about: 'На сколько дней объект получает место в пакете, прежде чем уступит следующему.',
    unit: DAYS,
    isFelt: true,
  },
  slots: {
    label: 'Часы выхода правок',
    about: 'Часы по времени кабинета, в которые выходят правки. Пустой список — в любое время.',
    empty: 'как в агентстве',
  },
  marksByDefault: {
    label: 'Отмечать новые объекты',
    about: 'Отмечаются ли новые объекты в этот кабинет сами. Кабинет филиала берёт объекты своего филиала.',
  },
  chargeAt: {
    label: 'Час списания',
    about:
      'Когда доска берёт деньги за день. До этого часа деньги только удержаны и вернутся, если объект сняли; с него день оплачен.',
    isFelt: true,
  },
};

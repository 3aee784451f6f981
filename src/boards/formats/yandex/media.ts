import type { Photo } from '../../../domain/listing.ts';
import { type Row, valueOf } from '../codec.ts';
import { dateTime, flag, kit, list, text, URL_TYPE, url, writeUrl } from '../kit.ts';

const { leaf, own, group } = kit('yandex');

const PLAN_TAGS = ['plan', 'plan 3d', 'floor-plan', '3d plan'];

const images: Row = group({
  elements: [
    { path: 'image', type: URL_TYPE, isRepeated: true },
    { path: 'image/@tag', type: { type: 'enum', values: PLAN_TAGS } },
  ],
  fields: ['photos', 'own:image/@tag'],
  grade: 'vendor',
  source: 'A19, EM26',
  write(listing, out) {
    const tags = (valueOf(listing, 'yandex', 'own:image/@tag') ?? {}) as Record<string, string>;
    for (const photo of listing.photos ?? []) {
      out.leaf('image', writeUrl(photo.url), photo.isPlan ? { tag: tags[photo.url] ?? 'plan' } : undefined);
    }
  },
  read(offer, draft) {
    const photos: Photo[] = [];
    const tags: Record<string, string> = {};
    for (const element of [...offer.all('image'), ...offer.all('picture')]) {
      element.isUsed = true;
      const tag = element.takeAttr('tag');
      if (element.text === '') continue;
      const isPlan = tag !== undefined && PLAN_TAGS.includes(tag);
      if (tag !== undefined && !isPlan) draft.fail('image/@tag', tag);
      if (isPlan && tag !== 'plan') tags[element.text] = tag!;
      photos.push(isPlan ? { url: element.text, isPlan: true } : { url: element.text });
    }
    if (photos.length > 0) draft.set('photos', photos);
    if (Object.keys(tags).length > 0) draft.set('own:image/@tag', tags);
  },
  samples: [
    { photos: [{ url: 'https://example.test/1.jpg' }] },
    { photos: [{ url: 'https://example.test/1.jpg' }, { url: 'https://example.test/p.png', isPlan: true }] },
    ...PLAN_TAGS.slice(1).map((tag) => ({
      photos: [{ url: 'https://example.test/p.png', isPlan: true }],
      boardFields: { yandex: { 'image/@tag': { 'https://example.test/p.png': tag } } },
    })),
  ],
});

const RUTUBE = 'video-review/rutube-video-review-url';

/** The address decides which element takes a video: RuTube and YouTube have one each; a second video is kept apart. */
const video: Row = group({
  elements: [
    { path: 'video-review/youtube-video-review-url', type: URL_TYPE },
    { path: 'video-review/rutube-video-review-url', type: URL_TYPE },
  ],
  fields: ['videoUrl', `own:${RUTUBE}`],
  grade: 'code',
  source: 'EM26, BIZ26',
  write(listing, out) {
    const second = valueOf(listing, 'yandex', `own:${RUTUBE}`) as string | undefined;
    const found = /^https?:\/\/(?:www\.|m\.)?(youtube\.com|youtu\.be|rutube\.ru)\//i.exec(listing.videoUrl ?? '');
    if (found)
      out.leaf(`video-review/${found[1]!.startsWith('r') ? 'rutube' : 'youtube'}-video-review-url`, listing.videoUrl);
    if (found?.[1]?.startsWith('y') && second !== undefined) out.leaf(RUTUBE, writeUrl(second));
  },
  read(offer, draft) {
    const youtube = offer.take('video-review/youtube-video-review-url');
    const rutube = offer.take(RUTUBE);
    draft.set('videoUrl', youtube ?? rutube);
    if (youtube !== undefined) draft.set(`own:${RUTUBE}`, rutube);
  },
  samples: [
    { videoUrl: 'https://www.youtube.com/watch?v=1' },
    { videoUrl: 'https://youtu.be/2' },
    { videoUrl: 'https://rutube.ru/video/1/' },
    { videoUrl: 'https://rutube.ru/video/2/' },
    {
      videoUrl: 'https://www.youtube.com/watch?v=3',
      boardFields: { yandex: { [RUTUBE]: 'https://rutube.ru/video/3/' } },
    },
  ],
});

const VAS = ['premium', 'raise', 'promotion'];

const vas: Row = group({
  elements: [
    { path: 'vas', type: { type: 'enum', values: VAS }, isRepeated: true },
    { path: 'vas/@start-time', type: { type: 'dateTime' } },
  ],
  fields: ['own:vas'],
  grade: 'vendor',
  source: 'A19, SYM, PLR',
  note: 'Платное продвижение: решение о расходе, не свойство объекта.',
  write(listing, out) {
    for (const item of (valueOf(listing, 'yandex', 'own:vas') as { name: string; startTime?: string }[] | undefined) ??
      []) {
      out.leaf('vas', item.name, item.startTime === undefined ? undefined : { 'start-time': item.startTime });
    }
  },
  read(offer, draft) {
    const items: { name: string; startTime?: string }[] = [];
    for (const element of offer.all('vas')) {
      element.isUsed = true;
      const name = element.text.toLowerCase();
      const start = element.takeAttr('start-time');
      const startTime = start === undefined ? undefined : dateTime().read(start);
      if (!VAS.includes(name)) draft.fail('vas', element.text);
      else items.push(startTime === undefined ? { name } : { name, startTime });
    }
    if (items.length > 0) draft.set('own:vas', items);
  },
  samples: [
    { boardFields: { yandex: { vas: [{ name: 'premium' }] } } },
    { boardFields: { yandex: { vas: [{ name: 'premium' }, { name: 'promotion' }] } } },
    { boardFields: { yandex: { vas: [{ name: 'raise', startTime: '2026-05-01T10:00:00+03:00' }] } } },
    { boardFields: { yandex: { vas: [{ name: 'raise', startTime: '2026-06-01T11:00:00+03:00' }] } } },
  ],
});

export const MEDIA: readonly Row[] = [
  images,
  own('is-image-order-change-allowed', flag(), { grade: 'code', source: 'EM26, CAS, VLA26' }),
  own('disable-flat-plan-guess', flag(), { grade: 'code', source: 'CAS, VLA26' }),
  video,
  own('online-show', flag('1', '0'), { grade: 'code', source: 'EM26' }),
  leaf('virtual-tour/model-url', 'tourUrl', url(), { grade: 'code', source: 'EM26' }),
  own('virtual-tour/provider', list('matterport', 'vstour', 'iframe'), { grade: 'code', source: 'EM26' }),
  own('virtual-tour/preview-url', url(), { grade: 'code', source: 'EM26' }),
  vas,
  own('domclick-tariff', list('express', 'premium', 'top'), {
    grade: 'official',
    source: 'блог Домклика 11.07.2023',
    note: 'Платное продвижение.',
  }),
  leaf('description', 'description', text(undefined, ['Текст объявления', 'Другой <текст> & знаки']), {
    grade: 'vendor',
    source: 'A19, EM26',
  }),
];

import type { FastifyInstance } from 'fastify';
import {
  ListingParamsSchema,
  type ListingPhoto,
  type ListingPhotos,
  ListingPhotosSchema,
  type PhotoOrder,
  PhotoOrderSchema,
  PhotoUploadQuerySchema,
} from '../contracts/listing.ts';
import { canonicalJson, fieldValue } from '../domain/corrections.ts';
import type { Photo } from '../domain/listing.ts';
import { failureWords, type PhotoState } from '../domain/photos.ts';
import { formatNumber } from '../domain/text.ts';
import { photoRemarks } from '../export/preview.ts';
import { correctionOf, judgeCorrections } from '../intake/correct.ts';
import { type CardRow, findMedia, keepMedia, type MediaRow, mediaByKeys } from '../store/cards.ts';
import { saveCorrections } from '../store/marks.ts';
import { type PhotoRow, photosOf } from '../store/photos.ts';
import { listCabinets } from '../store/publishing.ts';
import type { Api } from './api.ts';
import { type ListingAsk, openCard, phonesOf, saveCard, seenBy, versionOf } from './listing-card.ts';
import { pictureAddress, pictureKey } from './pictures-routes.ts';
import { HttpProblem } from './problems.ts';
import { hashInAddress, mediaPath, takePicture, UPLOAD_BYTES_MAX } from './uploads.ts';

/** Photos of one listing: what there is, what boards have against them, new ones, another order. */

/** As many as the model takes. */
const PHOTOS_MAX = 500;
/** Two people who upload at the same time: the one who was slower tries again. */
const TRIES = 5;

export function listingPhotoRoutes(app: FastifyInstance, api: Api): void {
  const params = ListingParamsSchema;
  // A picture comes as it is; whether it is one is told by its first bytes.
  app.addContentTypeParser(/^image\//, { parseAs: 'buffer' }, (_request, body, done) => done(null, body));

  api.define({
    method: 'GET',
    url: '/listings/:id/photos',
    summary: 'Фотографии объекта: порядок, размер, что с ними не так',
    policy: { deed: 'see-listings', of: 'listing', token: 'listings:read' },
    params,
    answer: ListingPhotosSchema,
    isVersioned: true,
    handler: async (ask) => told(ask, await openCard(ask)),
  });

  api.define({
    method: 'POST',
    url: '/listings/:id/photos',
    summary: 'Загрузить фотографию: тело запроса — сам снимок (image/jpeg, image/png, image/webp)',
    policy: { deed: 'photos', of: 'listing', token: 'listings:write' },
    params,
    query: PhotoUploadQuerySchema,
    bodyLimit: UPLOAD_BYTES_MAX,
    answer: ListingPhotosSchema,
    isVersioned: true,
    handler: upload,
  });

  api.define({
    method: 'PUT',
    url: '/listings/:id/photos',
    summary: 'Переставить, убрать фотографии, отметить планировки',
    policy: { deed: 'photos', of: 'listing', token: 'listings:write' },
    params,
    body: PhotoOrderSchema,
    answer: ListingPhotosSchema,
    isVersioned: true,
    handler: order,
  });
}

/** Where our own pictures are reached: from outside, if somebody said where that is. */
const baseOf = ({ options, request }: Pick<ListingAsk, 'options' | 'request'>) =>
  options.publicUrl ?? `${request.protocol}://${request.host}`;

// ---------------------------------------------------------------- what there is

async function told(ask: ListingAsk, row: CardRow): Promise<ListingPhotos> {
  const { db, agencyId, boards, options, now, params } = ask;
  const { photos } = await photosOf(db, agencyId, params.id, now);
  const hashes = photos.flatMap(({ url }) => hashInAddress(url) ?? []);
  const media = await findMedia(db.pool, agencyId, hashes);
  const own = ({ url }: { readonly url: string }) => media.get(hashInAddress(url) ?? '');
  const cabinets = await listCabinets(db, { agencyId });
  const places = cabinets.flatMap(({ board: id, family }) => {
    const board = boards.find((one) => one.id === id);
    return board ? [{ board, family }] : [];
  });
  const shown = photos.map((photo) => ({ ...photo, state: stateOf(photo, own(photo)) }));
  const remarks = photoRemarks(places, row.values, shown, now);
  const hasOurs = photos.some((photo) => own(photo) !== undefined);
  const answer = {
    data: photos.map((photo, at) => photoOf(photo, own(photo), remarks[at]!, params.id)),
    isCorrected: row.corrections.photos !== undefined,
    sourceCount: row.sourceValues.photos?.length ?? 0,
    warning:
      hasOurs && options.publicUrl === undefined
        ? 'Загруженные снимки доски возьмут с адреса этого сервера, а он не задан: администратору нужно указать PUBLIC_URL.'
        : null,
  };
  return { version: versionOf(row), ...seenBy(ask, answer, phonesOf(row)) };
}

/** A picture of ours was seen when it was given, whoever has looked at its address since. */
function stateOf(photo: PhotoRow, media: MediaRow | undefined): PhotoState | null {
  if (photo.isKnown && photo.bytes !== null) return photo;
  if (!media) return photo.isKnown ? photo : null;
  const { bytes, width, height, sha256 } = media;
  return { ...photo, type: 'image/jpeg', bytes, width, height, sha256 };
}

function photoOf(
  photo: PhotoRow,
  media: MediaRow | undefined,
  remarks: ListingPhoto['remarks'],
  listingId: number,
): ListingPhoto {
  const { url, place, isPlan, failures, lastError, status } = photo;
  const seen = stateOf(photo, media);
  const state = photo.isBroken ? 'broken' : failures > 0 ? 'failing' : seen?.bytes == null ? 'unseen' : 'good';
  const size = seen?.width != null && seen.height !== null ? `${seen.width}×${seen.height}` : null;
  const weight = seen?.bytes == null ? null : `${formatNumber(Math.ceil((seen.bytes / 1024 / 1024) * 10) / 10)} МБ`;
  const trouble = failures > 0 && lastError !== null ? failureWords(lastError, status) : null;
  return {
    key: pictureKey(url),
    place,
    isPlan,
    thumb: pictureAddress(url, listingId, 480),
    large: pictureAddress(url, listingId, 1600),
    address: url,
    isUploaded: media !== undefined,
    width: seen?.width ?? null,
    height: seen?.height ?? null,
    bytes: seen?.bytes ?? null,
    state,
    label: [size, weight, trouble].filter((part) => part !== null).join(', ') || 'ещё не проверена',
    remarks: [...remarks],
  };
}

// ---------------------------------------------------------------- what is changed

async function upload(
  ask: ListingAsk<unknown, { readonly replace?: string; readonly isPlan?: boolean }>,
): Promise<ListingPhotos> {
  const { db, agencyId, body, by, now, options, params, query } = ask;
  if (!Buffer.isBuffer(body) || body.length === 0)
    throw new HttpProblem(415, 'not-a-picture', 'Тело запроса: нужен сам снимок, JPEG, PNG или WebP.');
  const taken = await takePicture(options.dataDir, body);
  await keepMedia(db, agencyId, { ...taken, by, at: now }, params.id);
  const url = `${baseOf(ask)}${mediaPath(taken.sha256)}`;
  for (let attempt = 1; ; attempt++) {
    const row = await openCard(ask);
    const photos = row.values.photos ?? [];
    const known = photos.findIndex((photo) => hashInAddress(photo.url) === taken.sha256);
    if (known >= 0) throw new HttpProblem(409, 'photo-known', `Такая фотография уже есть: фото ${known + 1}.`);
    const at = query.replace === undefined ? -1 : photos.findIndex((photo) => pictureKey(photo.url) === query.replace);
    if (query.replace !== undefined && at < 0)
      throw new HttpProblem(409, 'photo-gone', 'Фотографии, которую нужно заменить, уже нет: обновите страницу.');
    if (at < 0 && photos.length >= PHOTOS_MAX)
      throw new HttpProblem(422, 'too-many-photos', `Фотографий уже ${PHOTOS_MAX}: больше не помещается.`);
    const isPlan = query.isPlan ?? photos[at]?.isPlan;
    const fresh: Photo = { url, ...(isPlan && { isPlan }) };
    const next = at < 0 ? [...photos, fresh] : photos.with(at, fresh);
    const { corrections } = withPhotos(row, next, by, now);
    const { next: proven } = judgeCorrections(row, corrections);
    if (await saveCorrections(db, row, proven, now, { by })) return told(ask, await openCard(ask));
    if (attempt === TRIES)
      throw new HttpProblem(409, 'listing-busy', 'Объект сейчас меняют другие: загрузите фотографию ещё раз.');
  }
}

/** The list of the source is no correction of it. */
function withPhotos(row: CardRow, photos: readonly Photo[], by: string, now: Date) {
  const { photos: _before, ...others } = row.corrections;
  const isSource = canonicalJson(photos) === canonicalJson(row.sourceValues.photos ?? []);
  const value = photos.length === 0 ? null : photos;
  const corrections = isSource ? others : { ...others, photos: correctionOf(row, 'photos', value, by, now) };
  const isChanged = canonicalJson(fieldValue(row.values, 'photos')) !== canonicalJson(value);
  return { corrections, isChanged: isChanged || (isSource && row.corrections.photos !== undefined) };
}

async function order(ask: ListingAsk<PhotoOrder>): Promise<ListingPhotos> {
  const { db, agencyId, body, by, now } = ask;
  const row = await openCard(ask);
  ask.match(versionOf(row));
  const known = new Map<string, Photo>();
  for (const photo of [...(row.sourceValues.photos ?? []), ...(row.values.photos ?? [])])
    known.set(pictureKey(photo.url), photo);
  // One that was uploaded and removed may come back.
  const strange = body.photos.map(({ key }) => key).filter((key) => !known.has(key));
  for (const [key, url] of await mediaByKeys(db.pool, agencyId, baseOf(ask), strange)) known.set(key, { url });
  const missing = strange.filter((key) => !known.has(key));
  if (missing.length > 0)
    throw new HttpProblem(422, 'photo-unknown', 'Такой фотографии у объекта нет: обновите страницу.', {
      errors: body.photos.flatMap(({ key }, at) =>
        missing.includes(key) ? [{ pointer: `#/photos/${at}/key`, detail: 'Такой фотографии у объекта нет.' }] : [],
      ),
    });
  const seen = new Set<string>();
  const photos = body.photos.flatMap(({ key, isPlan }): Photo[] => {
    if (seen.has(key)) return [];
    seen.add(key);
    const photo = known.get(key)!;
    const plan = isPlan ?? photo.isPlan;
    return [{ url: photo.url, ...(plan && { isPlan: plan }) }];
  });
  const { corrections, isChanged } = withPhotos(row, photos, by, now);
  if (isChanged) await saveCard(ask, row, judgeCorrections(row, corrections).next);
  return told(ask, await openCard(ask));
}

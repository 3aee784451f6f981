import { ActionIcon, Alert, Button, FileButton, Group, Menu, Progress, Text } from '@mantine/core';
import {
  IconArrowLeft,
  IconArrowRight,
  IconDots,
  IconPhotoOff,
  IconPhotoPlus,
  IconReplace,
  IconTrash,
} from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import { lazy, Suspense, useEffect, useRef, useState } from 'react';
import type { ListingPhoto, ListingPhotos, PhotoOrder } from '../../../contracts/listing.ts';
import { api, ProblemError } from '../../api.ts';
import { Sheet } from '../../parts/page.tsx';
import { Empty, Loaded } from '../../parts/states.tsx';
import { showUndo } from '../../parts/undo.tsx';
import { useApiWithTag } from '../../query.ts';
import { counted } from '../../words.ts';
import { refreshCard } from './boards.tsx';
import classes from './card.module.css';

const Lightbox = lazy(() => import('./lightbox.tsx'));

/** What a phone is asked for: it turns its own format into JPEG by itself then. */
const ACCEPTED = 'image/jpeg,image/png,image/webp';

interface Upload {
  readonly total: number;
  readonly done: number;
  readonly faults: readonly string[];
}

interface PhotosProps {
  readonly listingId: number;
  readonly isReadOnly: boolean;
}

/** The listing's photos: order by dragging or by keys, new ones, what is wrong with each. */
export function Photos({ listingId, isReadOnly }: PhotosProps) {
  const path = `/listings/${listingId}/photos`;
  const query = useApiWithTag<ListingPhotos>(path);
  const [upload, setUpload] = useState<Upload | null>(null);
  const [shown, setShown] = useState<number | null>(null);
  const [isOver, setIsOver] = useState(false);

  const put = useMutation({
    mutationFn: ({ photos, etag }: { photos: PhotoOrder['photos']; etag: string | null }) =>
      api.exchange<ListingPhotos>('PUT', path, { photos }, { ifMatch: etag }),
    onSettled: () => refreshCard(listingId),
  });

  const save = async (photos: PhotoOrder['photos'], words?: string) => {
    const before = query.data!;
    await put.mutateAsync({ photos, etag: before.etag });
    if (words)
      showUndo({
        words,
        undone: 'Фотографии стоят как раньше',
        undo: async () => {
          const { etag } = await api.read<ListingPhotos>(path);
          await put.mutateAsync({ photos: orderOf(before.data.data), etag });
        },
      });
  };

  const give = async (files: readonly File[], replace?: string) => {
    if (files.length === 0) return;
    setUpload({ total: files.length, done: 0, faults: [] });
    // One after the other: they come to stand in the order in which they were picked.
    for (const file of files) {
      const fault = await send(file, replace).catch((error: unknown) => `${file.name}: ${wordsOf(error)}`);
      setUpload((was) => was && { ...was, done: was.done + 1, faults: fault ? [...was.faults, fault] : was.faults });
    }
    await refreshCard(listingId);
    setUpload((was) => (was && was.faults.length > 0 ? was : null));
  };
  const send = async (file: File, replace: string | undefined): Promise<undefined> => {
    const body = new Blob([file], { type: file.type.startsWith('image/') ? file.type : 'image/jpeg' });
    await api.send('POST', path, body, { ...(replace && { query: { replace } }) });
  };

  return (
    <section
      aria-label="Фотографии"
      className={classes.drop}
      data-over={isOver || undefined}
      onDragOver={(event) => {
        if (isReadOnly || !event.dataTransfer.types.includes('Files')) return;
        event.preventDefault();
        setIsOver(true);
      }}
      onDragLeave={() => setIsOver(false)}
      onDrop={(event) => {
        setIsOver(false);
        if (isReadOnly || event.dataTransfer.files.length === 0) return;
        event.preventDefault();
        void give([...event.dataTransfer.files]);
      }}
    >
      <Sheet
        title={`Фото${query.data ? ` (${query.data.data.data.length})` : ''}`}
        aside={
          !isReadOnly && (
            <FileButton multiple accept={ACCEPTED} onChange={(files) => void give(files)}>
              {(props) => (
                <Button
                  {...props}
                  size="compact-sm"
                  variant="default"
                  leftSection={<IconPhotoPlus size={16} aria-hidden />}
                >
                  Загрузить
                </Button>
              )}
            </FileButton>
          )
        }
      >
        {upload && <UploadState upload={upload} onClose={() => setUpload(null)} />}
        <Loaded query={query}>
          {({ data: photos }) => (
            <>
              {photos.warning && (
                <Alert color="money" variant="light" mb="sm">
                  {photos.warning}
                </Alert>
              )}
              {photos.data.length === 0 ? (
                <Empty
                  title="Фотографий нет"
                  words={
                    isReadOnly ? 'Добавить их может ответственный.' : 'Перетащите файлы сюда или нажмите «Загрузить».'
                  }
                />
              ) : (
                <Grid
                  photos={photos.data}
                  isReadOnly={isReadOnly || put.isPending}
                  onSave={(next, words) => void save(next, words).catch(() => {})}
                  onReplace={(key, file) => void give([file], key)}
                  onShow={setShown}
                />
              )}
              {shown !== null && (
                <Suspense>
                  <Lightbox photos={photos.data} at={shown} onClose={() => setShown(null)} />
                </Suspense>
              )}
            </>
          )}
        </Loaded>
      </Sheet>
    </section>
  );
}

const wordsOf = (error: unknown): string => (error instanceof ProblemError ? error.problem.detail : 'не загрузилась.');

const orderOf = (photos: readonly ListingPhoto[]): PhotoOrder['photos'] =>
  photos.map(({ key, isPlan }) => ({ key, isPlan }));

function UploadState({ upload: { total, done, faults }, onClose }: { upload: Upload; onClose: () => void }) {
  const isOver = done === total;
  return (
    <div className={classes.upload}>
      {!isOver && (
        <>
          <Text size="sm" role="status">
            Загружаем: {done + 1} из {total}
          </Text>
          <Progress value={(done / total) * 100} aria-label="Загрузка фотографий" size="sm" mt={4} />
        </>
      )}
      {faults.length > 0 && (
        <Alert color="error" variant="light" mt="xs" withCloseButton={isOver} onClose={onClose} role="alert">
          {faults.map((fault) => (
            <div key={fault}>{fault}</div>
          ))}
        </Alert>
      )}
    </div>
  );
}

interface GridProps {
  readonly photos: readonly ListingPhoto[];
  readonly isReadOnly: boolean;
  readonly onSave: (photos: PhotoOrder['photos'], words?: string) => void;
  readonly onReplace: (key: string, file: File) => void;
  readonly onShow: (at: number) => void;
}

function Grid({ photos, isReadOnly, onSave, onReplace, onShow }: GridProps) {
  const [dragged, setDragged] = useState<number | null>(null);
  const [over, setOver] = useState<number | null>(null);
  const list = useRef<HTMLUListElement>(null);
  const followed = useRef<string | null>(null);
  const move = (from: number, to: number) => {
    if (from === to || to < 0 || to >= photos.length) return;
    const moved = orderOf(photos.toSpliced(from, 1).toSpliced(to, 0, photos[from]!));
    onSave(moved, `Фото ${from + 1} теперь ${to + 1}-е`);
    followed.current = photos[from]!.key;
  };
  // The focus stays with the picture that was moved, wherever it comes to stand.
  useEffect(() => {
    const at = photos.findIndex(({ key }) => key === followed.current);
    if (at < 0 || isReadOnly) return;
    followed.current = null;
    list.current?.querySelectorAll<HTMLElement>('button[data-picture]')[at]?.focus();
  }, [photos, isReadOnly]);
  const common = commonRemarks(photos);
  const remove = (at: number) => onSave(orderOf(photos.toSpliced(at, 1)), `Убрано фото ${at + 1}`);
  return (
    <>
      {[...common].map(([message, count]) => (
        <Text key={message} size="sm" c="dimmed" mb="xs">
          {counted(count, 'фотография', 'фотографии', 'фотографий')}: {message}
        </Text>
      ))}
      <ul className={classes.photos} ref={list}>
        {photos.map((photo, at) => (
          <li
            key={photo.key}
            className={classes.photo}
            data-over={over === at || undefined}
            data-dragged={dragged === at || undefined}
            draggable={!isReadOnly}
            onDragStart={(event) => {
              event.dataTransfer.effectAllowed = 'move';
              event.dataTransfer.setData('text/plain', String(at));
              setDragged(at);
            }}
            onDragEnd={() => {
              setDragged(null);
              setOver(null);
            }}
            onDragOver={(event) => {
              if (dragged === null) return;
              event.preventDefault();
              setOver(at);
            }}
            onDrop={(event) => {
              if (dragged === null) return;
              event.preventDefault();
              event.stopPropagation();
              move(dragged, at);
            }}
          >
            <button
              type="button"
              data-picture
              className={classes.picture}
              aria-label={`Фото ${photo.place}${photo.isPlan ? ', планировка' : ''}: открыть`}
              aria-keyshortcuts={isReadOnly ? undefined : 'Alt+ArrowLeft Alt+ArrowRight Delete'}
              onClick={() => onShow(at)}
              onKeyDown={(event) => {
                if (isReadOnly) return;
                if (event.key === 'Delete') remove(at);
                else if (event.altKey && event.key === 'ArrowLeft') move(at, at - 1);
                else if (event.altKey && event.key === 'ArrowRight') move(at, at + 1);
                else return;
                event.preventDefault();
              }}
            >
              <Picture photo={photo} />
            </button>
            <div className={classes.photoBar}>
              <span className={classes.place}>
                {photo.place}
                {photo.isPlan && ' · планировка'}
              </span>
              {!isReadOnly && (
                <PhotoMenu
                  photo={photo}
                  isFirst={at === 0}
                  isLast={at === photos.length - 1}
                  onMove={(by) => move(at, at + by)}
                  onFirst={() => move(at, 0)}
                  onPlan={() =>
                    onSave(
                      orderOf(photos).with(at, { key: photo.key, isPlan: !photo.isPlan }),
                      'Пометка планировки изменена',
                    )
                  }
                  onReplace={(file) => onReplace(photo.key, file)}
                  onRemove={() => remove(at)}
                />
              )}
            </div>
            <Told photo={photo} common={common} />
          </li>
        ))}
      </ul>
    </>
  );
}

/** A picture whose server does not answer is a sign, not a hole in the page. */
function Picture({ photo }: { photo: ListingPhoto }) {
  const [isGone, setIsGone] = useState(false);
  return isGone ? (
    <span className={classes.gone}>
      <IconPhotoOff size={24} stroke={1.5} aria-hidden />
      <span>не открылась</span>
    </span>
  ) : (
    <img src={photo.thumb} alt="" loading="lazy" draggable={false} onError={() => setIsGone(true)} />
  );
}

/** What is said of many photos in the same words is said once, above them. */
function commonRemarks(photos: readonly ListingPhoto[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { remarks } of photos)
    for (const message of new Set(remarks.map((remark) => remark.message)))
      counts.set(message, (counts.get(message) ?? 0) + 1);
  return new Map([...counts].filter(([, count]) => count >= COMMON_FROM));
}

const COMMON_FROM = 3;

function Told({
  photo: { state, label, remarks },
  common,
}: {
  photo: ListingPhoto;
  common: ReadonlyMap<string, number>;
}) {
  const own = remarks.filter(({ message }) => !common.has(message));
  const isBad = state === 'broken' || own.some(({ severity }) => severity === 'blocking');
  return (
    <div
      className={classes.photoWords}
      data-tone={isBad ? 'error' : state === 'failing' || own.length > 0 ? 'money' : undefined}
    >
      <div>{label}</div>
      {[...new Set(own.map(({ message }) => message))].map((message) => (
        <div key={message}>{message}</div>
      ))}
    </div>
  );
}

interface PhotoMenuProps {
  readonly photo: ListingPhoto;
  readonly isFirst: boolean;
  readonly isLast: boolean;
  readonly onMove: (by: number) => void;
  readonly onFirst: () => void;
  readonly onPlan: () => void;
  readonly onReplace: (file: File) => void;
  readonly onRemove: () => void;
}

function PhotoMenu({ photo, isFirst, isLast, onMove, onFirst, onPlan, onReplace, onRemove }: PhotoMenuProps) {
  const open = useRef<() => void>(null);
  return (
    <Group gap={0} wrap="nowrap">
      <ActionIcon
        size="sm"
        variant="subtle"
        color="gray"
        disabled={isFirst}
        aria-label={`Фото ${photo.place}: левее`}
        onClick={() => onMove(-1)}
      >
        <IconArrowLeft size={15} />
      </ActionIcon>
      <ActionIcon
        size="sm"
        variant="subtle"
        color="gray"
        disabled={isLast}
        aria-label={`Фото ${photo.place}: правее`}
        onClick={() => onMove(1)}
      >
        <IconArrowRight size={15} />
      </ActionIcon>
      {/* Outside the menu: it closes before the file is picked. */}
      <FileButton resetRef={open} accept={ACCEPTED} onChange={(file) => file && onReplace(file)}>
        {({ onClick }) => (
          <Menu>
            <Menu.Target>
              <ActionIcon size="sm" variant="subtle" color="gray" aria-label={`Фото ${photo.place}: действия`}>
                <IconDots size={15} />
              </ActionIcon>
            </Menu.Target>
            <Menu.Dropdown>
              {!isFirst && <Menu.Item onClick={onFirst}>Сделать первой</Menu.Item>}
              <Menu.Item onClick={onPlan}>{photo.isPlan ? 'Это не планировка' : 'Это планировка'}</Menu.Item>
              <Menu.Item leftSection={<IconReplace size={16} />} onClick={onClick}>
                Заменить…
              </Menu.Item>
              <Menu.Item color="error" leftSection={<IconTrash size={16} />} onClick={onRemove}>
                Убрать
              </Menu.Item>
            </Menu.Dropdown>
          </Menu>
        )}
      </FileButton>
    </Group>
  );
}

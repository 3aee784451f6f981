import { Stack, Text, Title } from '@mantine/core';
import { type ReactNode, useEffect } from 'react';
import classes from './door.module.css';

/** A page before signing in: one sheet in the middle. */
export function Door({ title, words, children }: { title: string; words?: ReactNode; children: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · Выгрузка`;
  }, [title]);
  return (
    <main className={classes.door}>
      <div className={classes.brand}>
        <img src="/favicon.svg" alt="" width={30} height={30} />
        Выгрузка
      </div>
      <div className={classes.sheet}>
        <Stack gap={4} mb="lg">
          <Title order={1}>{title}</Title>
          {words && (
            <Text size="sm" c="dimmed">
              {words}
            </Text>
          )}
        </Stack>
        {children}
      </div>
    </main>
  );
}

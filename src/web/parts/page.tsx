import { Group, Text, Title } from '@mantine/core';
import { IconArrowLeft } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { type ReactNode, useEffect } from 'react';
import classes from './page.module.css';

interface PageHeaderProps {
  readonly title: string;
  /** Beside the title: a number, a state. */
  readonly aside?: ReactNode;
  /** One line under the title. */
  readonly words?: ReactNode;
  /** Buttons on the right. */
  readonly actions?: ReactNode;
  /** Where «←» leads, and its name for a reader of the screen. */
  readonly back?: { readonly to: string; readonly words: string };
}

export function PageHeader({ title, aside, words, actions, back }: PageHeaderProps) {
  useEffect(() => {
    document.title = `${title} · Выгрузка`;
  }, [title]);
  return (
    <header className={classes.header}>
      <div className={classes.heading}>
        <Group gap="sm" align="center" wrap="nowrap">
          {back && (
            <Link to={back.to} className={classes.back!} aria-label={back.words}>
              <IconArrowLeft size={18} />
            </Link>
          )}
          <Title order={1}>{title}</Title>
          {aside}
        </Group>
        {words && (
          <Text component="div" size="sm" c="dimmed">
            {words}
          </Text>
        )}
      </div>
      {actions && <div className={classes.actions}>{actions}</div>}
    </header>
  );
}

interface PageProps extends PageHeaderProps {
  readonly children: ReactNode;
  /** `read`: a column of text and forms. `work`: the whole width, for tables and queues. */
  readonly width?: 'read' | 'work';
}

/** One screen: its header, and below it a column that a `DataTable` fills to the bottom. */
export function Page({ children, width = 'work', ...header }: PageProps) {
  return (
    <div className={classes.page} data-width={width}>
      <PageHeader {...header} />
      {children}
    </div>
  );
}

/** A sheet of paper on the page: a part with its heading. */
export function Sheet({ title, aside, children }: { title?: string; aside?: ReactNode; children: ReactNode }) {
  return (
    <section className={classes.sheet}>
      {(title || aside) && (
        <Group justify="space-between" mb="sm" gap="sm">
          {title && <Title order={2}>{title}</Title>}
          {aside}
        </Group>
      )}
      {children}
    </section>
  );
}

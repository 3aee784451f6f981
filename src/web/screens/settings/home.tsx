import { Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { Page, Sheet } from '../../parts/page.tsx';
import { hasScreen } from '../../router.tsx';
import { useMay } from '../../session.ts';
import { SECTIONS } from './sections.ts';
import classes from './settings.module.css';
import { StartSheet } from './start.tsx';

/** The way to everything that is set up. */
export default function SettingsHome() {
  const may = useMay();
  const groups = SECTIONS.map(({ title, sections }) => ({
    title,
    sections: sections.filter(({ to, deeds }) => hasScreen(to) && deeds.some(may)),
  })).filter(({ sections }) => sections.length > 0);
  return (
    <Page title="Настройки" words="До сохранения видно, что изменится на досках; каждое изменение остаётся в журнале.">
      <StartSheet />
      <div className={classes.groups}>
        {groups.map(({ title, sections }) => (
          <Sheet key={title} title={title}>
            <ul className={classes.links}>
              {sections.map(({ to, words, about, icon: Icon }) => (
                <li key={to}>
                  <Link to={to} className={classes.link!}>
                    <Icon size={20} stroke={1.7} aria-hidden />
                    <span>
                      <Text component="span" display="block" fw={600} size="sm">
                        {words}
                      </Text>
                      <Text component="span" display="block" size="sm" c="dimmed">
                        {about}
                      </Text>
                    </span>
                  </Link>
                </li>
              ))}
            </ul>
          </Sheet>
        ))}
      </div>
    </Page>
  );
}

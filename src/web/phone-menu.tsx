import { Drawer } from '@mantine/core';
import type { ReactNode } from 'react';

interface PhoneMenuProps {
  readonly opened: boolean;
  readonly onClose: () => void;
  readonly title: string;
  readonly children: ReactNode;
}

/** The rail on a phone: it slides in. */
export function PhoneMenu({ opened, onClose, title, children }: PhoneMenuProps) {
  return (
    <Drawer opened={opened} onClose={onClose} size={280} title={title}>
      {children}
    </Drawer>
  );
}

import { Anchor, type AnchorProps, Button, type ButtonProps } from '@mantine/core';
import { useNavigate } from '@tanstack/react-router';
import type { MouseEvent, ReactNode } from 'react';

/** Links to addresses that the server tells, query and all: the router's own links take paths and queries apart. */

function useGo(href: string) {
  const navigate = useNavigate();
  return (event: MouseEvent<HTMLAnchorElement>) => {
    // Another tab, another window: the browser's own business.
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    void navigate({ href });
  };
}

interface WayProps {
  readonly href: string;
  readonly children: ReactNode;
  readonly 'aria-label'?: string;
  readonly tabIndex?: number;
}

export function Way({ href, ...props }: WayProps & AnchorProps) {
  return <Anchor size="sm" {...props} href={href} onClick={useGo(href)} />;
}

export function WayButton({ href, ...props }: WayProps & ButtonProps) {
  return <Button variant="default" {...props} component="a" href={href} onClick={useGo(href)} />;
}

// menu.tsx - a button that opens a list of actions or links: arrows move, Escape closes.
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";

export interface MenuItem {
  label: string;
  /** a link's address, or … */
  href?: string;
  /** … what a click does */
  act?: () => void;
  danger?: boolean;
  /** the link is a download */
  download?: boolean;
}

interface MenuProps {
  /** what the button shows */
  children: ComponentChildren;
  /** what a screen reader calls the button, when that is more than it shows */
  label?: string;
  items: readonly MenuItem[];
}

export function Menu({ children, label, items }: MenuProps) {
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const id = useId();
  const entries = () => [...(box.current?.querySelectorAll<HTMLElement>('[role="menuitem"]') ?? [])];
  const close = () => {
    setOpen(false);
    button.current?.focus();
  };
  useEffect(() => {
    if (!open) return;
    entries()[0]?.focus();
    const outside = (event: Event) => {
      if (event.target instanceof Node && !box.current?.contains(event.target)) setOpen(false);
    };
    addEventListener("mousedown", outside);
    addEventListener("focusin", outside);
    return () => {
      removeEventListener("mousedown", outside);
      removeEventListener("focusin", outside);
    };
  }, [open]);
  const move = (event: KeyboardEvent) => {
    if (!open) return;
    const all = entries();
    const at = all.findIndex((entry) => entry === document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
    if (event.key === "Escape") close();
    else if (to === undefined) return;
    else all.at(to % all.length)?.focus();
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div class="menu" ref={box} onKeyDown={move}>
      <button
        type="button"
        ref={button}
        aria-haspopup="menu"
        aria-expanded={open}
        aria-controls={open ? id : undefined}
        aria-label={label}
        onClick={() => setOpen(!open)}
      >
        {children}
      </button>
      {open && (
        <div class="menu-list" role="menu" id={id} aria-label={label}>
          {items.map((item) => (
            <MenuEntry key={item.label} item={item} close={close} />
          ))}
        </div>
      )}
    </div>
  );
}

function MenuEntry({ item, close }: { item: MenuItem; close: () => void }) {
  const act = () => {
    close();
    item.act?.();
  };
  const look = item.danger ? "danger-text" : "";
  return item.href === undefined ? (
    <button type="button" role="menuitem" tabIndex={-1} class={look} onClick={act}>
      {item.label}
    </button>
  ) : (
    <a role="menuitem" tabIndex={-1} class={look} href={item.href} download={item.download ?? false} onClick={act}>
      {item.label}
    </a>
  );
}

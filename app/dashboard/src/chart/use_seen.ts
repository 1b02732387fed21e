// use_seen.ts - whether an element has come into view: what is never scrolled to is never read. Used by curve_panel.tsx.
import { type RefObject } from "preact";
import { useEffect, useState } from "preact/hooks";

/** false until the element is, or is about to be, in view; then true for good. */
export function useSeen(element: RefObject<HTMLElement | null>): boolean {
  const [seen, setSeen] = useState(false);
  useEffect(() => {
    const watched = element.current;
    if (seen || !watched) return;
    const observer = new IntersectionObserver(
      (entries) => {
        if (entries.some((entry) => entry.isIntersecting)) setSeen(true);
      },
      { rootMargin: "120px" },
    );
    observer.observe(watched);
    return () => observer.disconnect();
  }, [seen]);
  return seen;
}

/**
 * The language menu's links, in place of the generator's: to the same page in the other edition, or to that edition's
 * front page where it has none. The generator's own would add the page's path to the edition's, for any page.
 */
import { useData } from "vitepress";
import { computed } from "vue";

const chinese = "docs/zh/";

/** Returns the page in the other edition as a path of the site, given the pages that are translated. */
function counterpart(page: string, translated: readonly string[]): string {
  const isChinese = page.startsWith(chinese);
  const other = isChinese ? page.replace(chinese, "docs/") : page.replace(/^docs\//, chinese);
  if (page === `${chinese}index.md`) return "/";
  if (page === "docs/index.md" || !(isChinese || translated.includes(other))) return `/${chinese}`;
  return `/${other.replace(/\.md$/, ".html").replace(/index\.html$/, "")}`;
}

export function useLangs() {
  const { site, localeIndex, page, theme } = useData();
  const locales = computed(() => Object.entries(site.value.locales));
  const currentLang = computed(() => ({
    label: site.value.locales[localeIndex.value]?.label,
    link: site.value.locales[localeIndex.value]?.link ?? "/",
  }));
  const localeLinks = computed(() =>
    locales.value
      .filter(([key]) => key !== localeIndex.value)
      .map(([, { label }]) => ({
        text: label,
        link: counterpart(page.value.relativePath, theme.value.translated),
      })),
  );
  return { localeLinks, currentLang };
}

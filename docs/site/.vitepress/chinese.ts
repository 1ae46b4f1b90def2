/** The Chinese edition of the site: what its theme says, and text that its search can find. */
import type { DefaultTheme } from "vitepress";

export const chineseTheme: DefaultTheme.Config = {
  nav: [
    { text: "书", link: "/docs/zh/book/" },
    { text: "指南", link: "/docs/zh/" },
    { text: "演练场", link: "/docs/playground" },
    { text: "API", link: "/api/", target: "_self" },
  ],
  outline: { label: "本页", level: [2, 3] },
  docFooter: { prev: "上一页", next: "下一页" },
  darkModeSwitchLabel: "外观",
  lightModeSwitchTitle: "切换到浅色",
  darkModeSwitchTitle: "切换到深色",
  sidebarMenuLabel: "目录",
  returnToTopLabel: "回到顶部",
  langMenuLabel: "切换语言",
  skipToContentLabel: "跳到正文",
};

export const chineseSearch: Partial<DefaultTheme.LocalSearchOptions> = {
  translations: {
    button: { buttonText: "搜索", buttonAriaLabel: "搜索" },
    modal: {
      displayDetails: "显示详细列表",
      resetButtonTitle: "清空搜索",
      backButtonTitle: "关闭搜索",
      noResultsText: "没有结果：",
      footer: {
        selectText: "选择",
        selectKeyAriaLabel: "回车键",
        navigateText: "移动",
        navigateUpKeyAriaLabel: "向上键",
        navigateDownKeyAriaLabel: "向下键",
        closeText: "关闭",
        closeKeyAriaLabel: "退出键",
      },
    },
  },
};

const words = new Intl.Segmenter("zh", { granularity: "word" });
const longest = 8;

/**
 * Replaces each run of Chinese characters in HTML by its endings from each word on, cut to eight characters. The
 * search splits text at spaces and compares beginnings, so that it then finds what begins at any word. Headings stay,
 * as they are shown; their endings follow them.
 */
export function searchable(html: string): string {
  const endings = (run: string): string =>
    [...words.segment(run)].map(({ index }) => run.slice(index, index + longest)).join(" ");
  const split = (text: string): string =>
    text.replace(/>[^<]*/g, (part) => part.replace(/\p{Script=Han}+/gu, endings));
  return html
    .split(/(<h\d[^>]*>[\s\S]*?<\/h\d>)/)
    .map((part, i) =>
      i % 2 === 0
        ? split(part)
        : `${part}<p>${split(`>${part.replace(/<[^>]*>/g, "")}`).slice(1)}</p>`,
    )
    .join("");
}

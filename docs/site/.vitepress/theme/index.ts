import DefaultTheme from "vitepress/theme-without-fonts";
import "./widgets.css";

export default {
  extends: DefaultTheme,
  enhanceApp(): void {
    if (typeof window === "undefined") return;
    void import("../../widgets/index.ts").then(({ defineWidgets }) => defineWidgets());
    if (import.meta.env.PROD) void navigator.serviceWorker?.register("/sw.js");
  },
};

// The progress bar of a waiting cell as a widget: a page that is loaded again finds it as it is then.

export default {
  render({ model, el }) {
    const line = document.createElement("div"), bar = document.createElement("progress"), words = document.createElement("span");
    line.className = "arm-wait";
    bar.max = 1;
    bar.setAttribute("aria-label", "progress");
    line.append(bar, words);
    el.append(line);
    const show = () => {
      bar.value = model.get("share");
      words.textContent = model.get("words");
    };
    show();
    model.on("change:share change:words", show);
    return () => model.off("change:share change:words", show);
  },
};

// The cursor and the zoom. The page is complete without them.
(() => {
  "use strict";
  const absent = 1000;
  const streams = ["words", "voice", "face"];
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 86400];
  const $ = (selector, from = document) => from.querySelector(selector);
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  const people = JSON.parse($("#data").textContent) || [];
  const plane = $("#plane"), scroller = $("#scroller"), cursor = $("#cursor"), axis = $("#axis");
  const seconds = Number(cursor.getAttribute("aria-valuemax"));
  const articles = all(".person");

  const make = (name, parent) => {
    const element = document.createElement("div");
    element.className = name;
    element.setAttribute("aria-hidden", "true");
    element.hidden = true;
    parent.append(element);
    return element;
  };
  const signed = (hundredths) => (hundredths > 0 ? "+" : hundredths < 0 ? "−" : "") + (Math.abs(hundredths) / 100).toFixed(2);
  const clock = (s) => {
    const whole = Math.floor(s), two = (n) => String(n).padStart(2, "0");
    return whole >= 3600
      ? `${Math.floor(whole / 3600)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`
      : `${Math.floor(whole / 60)}:${two(whole % 60)}`;
  };

  const time = make("bubble", axis);
  const marks = articles.map((article) => {
    const field = $(".field", article);
    return {
      score: make("dot", field), rolling: make("dot", field), bubble: make("bubble", field),
      lanes: all(".lane .plot", article).map((plot) => make("bubble", plot)),
    };
  });
  const timed = all("[data-from]").map((element) => ({ element, from: Number(element.dataset.from), to: Number(element.dataset.to) }));

  // nearest returns the index of the sample at x, or -1 in a gap.
  const nearest = (person, x) => {
    const at = person.at;
    if (!at.length) return -1;
    let low = 0, high = at.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (at[middle] < x) low = middle + 1; else high = middle;
    }
    if (low > 0 && x - at[low - 1] < at[low] - x) low--;
    if (person.lasts) return Math.abs(at[low] - x) <= person.lasts[low] ? low : -1;
    const hop = at.length > 1 ? Math.max(1, at[1] - at[0]) : 1;
    const edge = x < at[0] ? at[0] : x > at[at.length - 1] ? seconds - at[at.length - 1] : 0;
    return Math.abs(at[low] - x) <= Math.max(1.5 * hop, edge) ? low : -1;
  };

  const show = (element, left, top, flip) => {
    element.hidden = false;
    element.style.left = left;
    if (top !== undefined) element.style.top = top;
    element.classList.toggle("left", !!flip);
  };
  const percent = (hundredths) => `${50 - hundredths / 2}%`;

  let now = 0;
  const move = (x) => {
    now = Math.min(Math.max(x, 0), seconds);
    const share = now / seconds, left = `${share * 100}%`;
    const view = scroller.getBoundingClientRect(), place = axis.getBoundingClientRect();
    const flip = place.left + share * place.width > view.left + view.width * 0.62;
    cursor.classList.remove("idle");
    plane.style.setProperty("--x", share);
    show(time, left);
    time.textContent = clock(now);
    const told = [clock(now)];
    people.forEach((person, who) => {
      const mark = marks[who], i = nearest(person, now);
      for (const element of [mark.score, mark.rolling, mark.bubble, ...mark.lanes]) element.hidden = true;
      if (i < 0) {
        told.push(`${person.name}: nothing to score`);
        return;
      }
      const why = mark.lanes.map((bubble, lane) => {
        const score = person.streams[lane][2 * i], weight = person.streams[lane][2 * i + 1];
        show(bubble, left, undefined, flip);
        bubble.textContent = score < absent ? `${signed(score)} · ${weight} %` : person.reasons[score - absent];
        return score < absent ? "" : `${streams[lane]} ${bubble.textContent}`;
      }).filter(Boolean).join(", ");
      if (person.score[i] >= absent) {
        told.push(`${person.name}: nothing to score: ${why}`);
        return;
      }
      show(mark.score, left, percent(person.score[i]));
      show(mark.bubble, left, `min(${percent(person.score[i])}, 100% - 4.4rem)`, flip);
      mark.bubble.replaceChildren();
      const value = document.createElement("b");
      value.textContent = signed(person.score[i]);
      mark.bubble.append(value);
      for (const line of [`${signed(person.low[i])} to ${signed(person.high[i])}`, `rolling ${signed(person.rolling[i])}`]) {
        const small = document.createElement("small");
        small.textContent = line;
        mark.bubble.append(small);
      }
      told.push(`${person.name}: ${signed(person.score[i])}, from ${signed(person.low[i])} to ${signed(person.high[i])}, rolling ${signed(person.rolling[i])}${why && `; missing: ${why}`}`);
    });
    for (const { element, from, to } of timed) element.classList.toggle("now", now >= from && now < to);
    cursor.setAttribute("aria-valuenow", now.toFixed(1));
    cursor.setAttribute("aria-valuetext", told.join("; "));
  };

  const reveal = () => {
    const place = axis.getBoundingClientRect(), view = scroller.getBoundingClientRect();
    const x = place.left + now / seconds * place.width, gutter = view.width - Math.min(place.width, view.width);
    if (x < view.left + gutter + 40 || x > view.right - 40) scroller.scrollLeft += x - (view.left + view.width / 2);
  };

  plane.addEventListener("pointermove", (event) => {
    const place = axis.getBoundingClientRect(), view = scroller.getBoundingClientRect();
    if (event.clientX < Math.max(place.left, view.left)) return;
    move((event.clientX - place.left) / place.width * seconds);
  });
  plane.addEventListener("click", () => cursor.focus({ preventScroll: true }));
  for (const button of all("[data-at]")) {
    button.addEventListener("click", () => {
      move(Number(button.dataset.at));
      reveal();
      plane.scrollIntoView({ block: "nearest", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
    });
  }

  const keys = (event) => {
    const step = event.shiftKey ? 10 : 1;
    const to = { ArrowLeft: now - step, ArrowRight: now + step, PageUp: now - 30, PageDown: now + 30, Home: 0, End: seconds }[event.key];
    if (to !== undefined && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      move(to);
      reveal();
    } else if (event.key === "+" || event.key === "=") zoom(1.5);
    else if (event.key === "-") zoom(1 / 1.5);
  };
  cursor.addEventListener("keydown", keys);
  scroller.addEventListener("keydown", (event) => { if (event.target === scroller) keys(event); });
  cursor.addEventListener("focus", () => move(now));

  // ticks draws the axis anew for the width that there is.
  const ticks = () => {
    const width = axis.getBoundingClientRect().width;
    const step = steps.find((s) => s / seconds * width >= 68) || 604800;
    all("span", axis).forEach((span) => span.remove());
    for (let at = 0; at <= seconds && at / step < 5000; at += step) {
      const span = document.createElement("span");
      span.style.left = `${at / seconds * 100}%`;
      span.textContent = clock(at);
      axis.prepend(span);
    }
    plane.style.setProperty("--step", `${step / seconds * 100}%`);
  };

  const widest = 400000, long = plane.classList.contains("long");
  const zoom = (by, middle) => {
    const view = scroller.getBoundingClientRect(), width = plane.getBoundingClientRect().width;
    const at = middle === undefined ? view.width / 2 : middle - view.left;
    const share = (scroller.scrollLeft + at) / width;
    const next = by ? Math.min(Math.max(width * by, view.width), widest) : view.width;
    plane.style.setProperty("--width", next <= view.width + 1 ? "100%" : `${next}px`);
    plane.style.minWidth = "100%";
    plane.classList.toggle("long", long && next / seconds < 4);
    scroller.scrollLeft = share * next - at;
    ticks();
  };
  $("#zoom").hidden = false;
  cursor.classList.add("idle");
  cursor.hidden = false;
  $("#zoom").addEventListener("click", (event) => {
    const way = event.target.dataset.zoom;
    const legible = 16 * seconds / plane.getBoundingClientRect().width;
    if (way) zoom({ in: 1.6, out: 1 / 1.6, fit: 0, read: legible }[way]);
  });
  scroller.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    zoom(Math.exp(-event.deltaY / 300), event.clientX);
  }, { passive: false });
  new ResizeObserver(ticks).observe(scroller);

  // A link to an instant: #t=12.5
  const linked = () => {
    const t = /^#t=(\d+(?:\.\d+)?)$/.exec(location.hash);
    if (t) {
      move(Number(t[1]));
      reveal();
    }
  };
  addEventListener("hashchange", linked);
  linked();
})();

"""Read the documentation as it was built: nothing remote, no markup left over, a search that works offline; and look at every page on a phone."""

import re
import sys
from pathlib import Path

REMOTE = re.compile(r'<(?:script|img|iframe|source|link)\b[^>]*?\b(?:src|href)="(?:https?:)?//[^"]*"[^>]*>', re.I)
HARMLESS = re.compile(r'rel="(?:canonical|author|license)"')
QUIET = re.compile(r"<(pre|code|math|script|style)\b.*?</\1>", re.S)  # where such signs are meant
MARKUP = re.compile(r"``|:(?:\w+:)?(?:doc|ref|meth|func|class|mod|attr|math|term):`|\.\. \w[\w-]*::")
LOOK = """
const scrolls = e => ['auto', 'scroll', 'hidden'].includes(getComputedStyle(e).overflowX);
const framed = e => { for (let p = e.parentElement; p; p = p.parentElement)
  if (scrolls(p) && p.getBoundingClientRect().right <= window.innerWidth + 1) return true; return false; };
const wide = [...document.querySelectorAll('article *')].find(
  e => e.getBoundingClientRect().width && e.getBoundingClientRect().right > window.innerWidth + 1 && !framed(e));
return {
  over: document.scrollingElement.scrollWidth - window.innerWidth,
  wide: wide ? wide.outerHTML.slice(0, 80) : null,
  missing: [...document.querySelectorAll('img')].filter(i => !i.complete || !i.naturalWidth).map(i => i.src),
};
"""


def faults_of(html):
    """What is wrong with the text of a page, in words."""
    faults = [f"loads {tag}" for tag in REMOTE.findall(html) if not HARMLESS.search(tag)]
    article = re.search(r"<article.*?</article>", html, re.S)
    text = re.sub(r"<[^>]+>", "", QUIET.sub("", article[0])) if article else ""
    faults += [
        f"shows markup: {' '.join(text[max(0, m.start() - 30) : m.end() + 30].split())}" for m in MARKUP.finditer(text)
    ]
    return [*faults, *(["shows 'Alias for field number'"] if "Alias for field number" in text else [])]


def seen(driver, page, width):
    """What is wrong with how a page looks at a width in pixels."""
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", dict(width=width, height=900, deviceScaleFactor=1, mobile=width < 600)
    )
    driver.get(page.resolve().as_uri())
    look = driver.execute_script(LOOK)
    faults = [f"lacks {source}" for source in look["missing"]]
    if look["over"] > 0 or look["wide"]:
        faults.append(f"is wider than {width} px: {look['wide'] or look['over']}")
    return faults


def found_offline(driver, folder, word):
    """Whether the search page, opened from disk, finds anything for a word."""
    driver.get(f"{(folder / 'search.html').resolve().as_uri()}?q={word}")
    driver.implicitly_wait(20)
    return bool(driver.find_elements("css selector", "#search-results li a"))


def main():
    folder, looked = Path(sys.argv[1]), "--look" in sys.argv
    pages = sorted(folder.rglob("*.html"))
    faults = [f"{page.relative_to(folder)} {fault}" for page in pages for fault in faults_of(page.read_text("utf-8"))]
    faults += [] if (folder / "searchindex.js").is_file() else ["there is no searchindex.js"]
    if looked:
        from check_page import browser  # noqa: PLC0415  # needs selenium

        with browser() as driver:
            for width in (390, 1280):
                faults += [
                    f"{page.relative_to(folder)} {fault}" for page in pages for fault in seen(driver, page, width)
                ]
            faults += [] if found_offline(driver, folder, "wasserstein") else ["the search finds nothing offline"]
    print("\n".join(faults) or f"{len(pages)} pages are good")
    sys.exit(1 if faults or not pages else 0)


if __name__ == "__main__":
    main()

"""Open the report in headless Chromium and look at it as a reader would: every picture, both widths, light and dark."""

import contextlib
import sys
import tempfile
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
LOOK = """
const shown = e => { const r = e.getBoundingClientRect(); return r.width > 20 && r.height > 20; };
const luminance = css => { const [r, g, b] = css.match(/[\\d.]+/g).slice(0, 3).map(v => v / 255)
  .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
const paper = luminance(getComputedStyle(document.body).backgroundColor);
const contrast = e => { const ink = luminance(getComputedStyle(e).color);
  return (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05); };
const svgs = [...document.querySelectorAll('svg[role=img]')], images = [...document.querySelectorAll('img')];
return {
  svgs: svgs.length, images: images.length,
  undrawn: svgs.filter(s => !shown(s) || s.querySelectorAll('path, use, image').length < 5).length
    + images.filter(i => !i.complete || i.naturalWidth === 0 || !shown(i)).length,
  overflow: document.scrollingElement.scrollWidth - window.innerWidth,
  contrast: Math.min(...[...document.querySelectorAll('h1, h2, p, td, th, figcaption, svg[role=img]')].map(contrast)),
  rows: document.querySelectorAll('tbody tr').length,
  letters: parseFloat(getComputedStyle(document.querySelector('p')).fontSize), paper: paper,
};
"""


def look(driver, page, width, scheme, folder):
    driver.set_window_size(width, 900)
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", dict(width=width, height=900, deviceScaleFactor=1, mobile=width < 600)
    )
    driver.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    driver.get(page.resolve().as_uri())
    seen = driver.execute_script(LOOK)
    faults = [f"console: {entry['message']}" for entry in driver.get_log("browser")]
    if seen["svgs"] < 1 or seen["undrawn"]:
        faults.append(f"{seen['undrawn']} of {seen['svgs']} drawings and {seen['images']} images not drawn")
    if seen["overflow"] > 0:
        faults.append(f"the page is {seen['overflow']} pixels wider than the screen")
    if seen["contrast"] < 4.5:
        faults.append(f"text contrast is only {seen['contrast']:.1f}")
    if seen["rows"] < 4 or seen["letters"] < 14:
        faults.append(f"{seen['rows']} rows of {seen['letters']} px text")
    if (seen["paper"] < 0.2) != (scheme == "dark"):
        faults.append(f"the background does not follow the {scheme} scheme")
    if folder:
        height = driver.execute_script("return document.scrollingElement.scrollHeight")
        driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride", dict(width=width, height=height, deviceScaleFactor=1, mobile=False)
        )
        driver.save_screenshot(str(Path(folder) / f"page-{width}-{scheme}.png"))
    print(
        f"{width:5} px {scheme:5}: {seen['svgs']} drawings, {seen['images']} images, {seen['rows']} rows, {'; '.join(faults) or 'good'}"
    )
    return faults


@contextlib.contextmanager
def browser():
    """Headless Chromium with a profile of its own."""
    options = Options()
    options.binary_location = "/usr/bin/chromium"
    with tempfile.TemporaryDirectory() as profile:
        for flag in [*FLAGS, f"--user-data-dir={profile}"]:
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
        try:
            yield driver
        finally:
            driver.quit()


def main():
    page, folder = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None
    with browser() as driver:
        faults = [
            f
            for width in (390, 1280)
            for scheme in ("light", "dark")
            for f in look(driver, page, width, scheme, folder)
        ]
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()

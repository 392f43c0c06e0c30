"""Larger programs that flows call."""

from __future__ import annotations

from shop_reports.workloads.shell import output

CHROMIUM = "/usr/bin/chromium-headless-shell"
CODEC = "ffprobe -v error -show_entries stream=codec_name -of csv=p=0 o.mp4"
SECONDS = "ffmpeg -v error -f lavfi -i testsrc=duration=1:size=64x64"


def ffmpeg_x264() -> str:
    """Encode a video."""
    return _last_line(f"{SECONDS} -c:v libx264 o.mp4 && {CODEC}")


def ffmpeg_x265() -> str:
    """Encode a video with a library that binds memory to processors."""
    return _last_line(f"{SECONDS} -c:v libx265 -x265-params log-level=error o.mp4 && {CODEC}")


def java() -> str:
    """Run a program of the JVM that writes a file."""
    store = "-keystore k -storepass secret"
    make = f"keytool -genkeypair -alias a -keyalg EC -dname CN=a {store}"
    return output(f"{make} >/dev/null 2>&1 && keytool -list {store} 2>&1 | grep -c PrivateKeyEntry")


def java_home() -> str:
    """Ask Java where its settings and caches are."""
    shown = "java -XshowSettings:properties -version 2>&1"
    return output(f"{shown} | sed -n 's/ *user.home = //p'")


def node() -> str:
    """Run JavaScript, which lists the network's interfaces."""
    return output("node -p \"require('os').networkInterfaces().lo[0].address\"")


def chromium() -> str:
    """Open a page in a browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.set_content("<h1>Report</h1>")
        title = page.inner_text("h1")
        return f"{title}, {page.screenshot()[1:4].decode()}"


def pg_dump() -> str:
    """Dump a database."""
    return output("pg_dump --schema-only | gzip >d.gz && gzip -dc d.gz | grep -c 'database dump'")


def _last_line(script: str) -> str:
    # In a container, which may lock no memory, a library of Debian 12 warns.
    return output(script).splitlines()[-1]

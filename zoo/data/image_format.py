"""Which format a file has, by its first bytes. What a file is called says nothing."""

from __future__ import annotations

import re

# Those of `zoo.data.decode`.
READ = ("JPEG", "PNG", "BMP", "GIF", "WebP")
# Bytes that `format_of` needs.
START = 32

_SIGNS = {
    "JPEG": rb"\xff\xd8\xff",
    "PNG": rb"\x89PNG\r\n\x1a\n",
    # Two letters are too little: the rest is what is always 0, and the sizes of the second header.
    "BMP": rb"BM.{4}\0{4}.{4}[\x0c\x28\x34\x38\x40\x6c\x7c]\0{3}",
    "GIF": rb"GIF8[79]a",
    "WebP": rb"RIFF.{4}WEBP",
    "TIFF": rb"II[*+]\0|MM\0[*+]",
    "HEIF": rb".{4}ftyp(hei|hev|mif1|msf1)",
    "AVIF": rb".{4}ftypavi",
    "JPEG 2000": rb"\0{3}\x0cjP  |\xff\x4f\xff\x51",
    "JPEG XL": rb"\0{3}\x0cJXL |\xff\x0a",
    "PNM": rb"P[1-7][ \t\r\n#]",
    "PSD": rb"8BPS",
    "ICO": rb"\0\0[\1\2]\0",
    "OpenEXR": rb"v/1\x01",
    "SVG": rb"\s*(<\?xml.*)?<svg",
}


def format_of(start: bytes) -> str:
    """The name of the format of an image file; "" for one that holds something else.

    start: its first `START` bytes, or all that it has.
    """
    for name, sign in _SIGNS.items():
        if re.match(sign, start, re.DOTALL):
            return name
    return ""

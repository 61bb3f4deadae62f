"""The JSON schema of menu files, so that editors complete and check them while people write. Pure."""

from typing import Any

import msgspec

from ivr.menu import Menu

KINDS = {
    "Play": "Nói một câu rồi đi tiếp.", "Language": "Chọn ngôn ngữ.", "Choice": "Mời chọn phím.", "Gather": "Nhận các chữ số vào một biến.",
    "Survey": "Khảo sát từ một đến ba câu, chấm 1–5.", "SetValues": "Ghi giá trị vào biến.", "Branch": "Rẽ theo giá trị của biến.",
    "Hours": "Đang mở hay đóng cửa.", "Lookup": "Tra cứu hồ sơ, hoặc cấp số phản ánh.", "Voicemail": "Ghi lời nhắn.",
    "Petition": "Ghi phản ánh, kiến nghị.", "Callback": "Hẹn gọi lại, giữ chỗ trong hàng.", "Enqueue": "Chuyển vào hàng đợi.",
    "Transfer": "Nối thẳng tới một máy.", "Back": "Quay lại câu hỏi trước.", "Repeat": "Nghe lại câu hỏi vừa rồi.",
    "HangUp": "Chào và kết thúc.",
}  # fmt: skip


def schema() -> dict[str, Any]:
    """As editors take it: draft 2020-12, with Vietnamese descriptions of the kinds of node."""
    found: dict[str, Any] = msgspec.json.schema(Menu)
    for name, words in KINDS.items():
        part = found["$defs"][name]
        part["description"] = f"{words} {part.get('description', '')}".strip()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Smart PBX menu", **found}

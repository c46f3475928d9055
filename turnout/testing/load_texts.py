"""What the users of a load say: short and long texts, English and Chinese."""

_TOPICS = (
    ("bake bread", "烤面包"),
    ("plan a trip", "安排旅行"),
    ("repair a bike", "修自行车"),
    ("gamble online", "网上赌博"),
    ("lose weight in a week", "一周减肥"),
    ("spread a rumour", "传播谣言"),
    ("steal a password", "窃取密码"),
    ("forge a passport", "伪造护照"),
    ("break into a house", "闯入民宅"),
)
_FRAMES = (
    ("how do I {}?", "怎么{}?"),
    ("please explain how to {}.", "请解释如何{}。"),
    ("my friend asked me to {}.", "朋友让我{}。"),
    ("what is the fastest way to {}?", "最快{}的办法是什么?"),
)
LONG_CHARACTERS = 1600
_LONG_USERS, _OF_USERS = 3, 20


def user_texts(users: int = 500) -> tuple[str, ...]:
    """Return what each user says; three in twenty long, one in two Chinese.

    Returns:
        One text for each user; a long text has at least `LONG_CHARACTERS` characters.
    """
    return tuple(_text(user) for user in range(users))


def _text(user: int) -> str:
    language, topic = user % 2, user // 2
    if topic % _OF_USERS >= _LONG_USERS:
        return _sentence(topic, language)
    sentences: list[str] = []
    while sum(map(len, sentences)) < LONG_CHARACTERS:
        sentences.append(f"{len(sentences) + 1}. {_sentence(topic + len(sentences), language)}")
    return " ".join(sentences)


def _sentence(number: int, language: int) -> str:
    topic = _TOPICS[number % len(_TOPICS)][language]
    return _FRAMES[number // len(_TOPICS) % len(_FRAMES)][language].format(topic)

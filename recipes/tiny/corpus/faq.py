"""What an entry of the network FAQ is: for each language a title, ways to ask, and steps that answer.

The keys of `ways` say which frames fit: `do` (verb phrase), `wrong` (a clause that complains), `name` (noun phrase, English),
`whole` (a sentence that stands as it is).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Faq:
    """One question. `title` completes “the user wants to ...”; all three are keyed by language, `zh` or `en`."""

    key: str
    title: dict[str, str]
    steps: dict[str, tuple[str, ...]]
    ways: dict[str, dict[str, list[str]]]


LISTS: dict[str, list[str]] = {
    "how": ["怎么", "怎么", "如何", "如何", "怎样", "咋", "该怎么", "要怎么", "应该怎么", "应该如何", "要如何"],
    "w": ["Wi-Fi", "WiFi", "wifi", "WIFI", "无线", "无线网", "无线网络", "[家里|我家][的|][wifi|WiFi|无线网]"],
    "r": ["路由器", "路由器", "路由器", "路由", "[家里|家用|我家][的|]路由器", "[无线|WiFi]路由器"],
    "wf": ["Wi-Fi", "WiFi", "wifi", "wi-fi", "wireless", "wireless network", "home wifi", "wi fi"],
    "rt": ["router", "router", "wifi router", "home router", "wireless router", "modem router"],
    "my": ["my", "the", "our", "a", ""],
    "the": ["my", "the", "our"],
    "a": ["的", ""],
    "g": ["[访客|客人|来宾|访客用的|guest][网络|wifi|WiFi|无线|模式]", "访客网络"],
    "k": ["[我家|]孩子", "小孩", "[我|]儿子", "[我|]女儿", "小朋友", "娃", "[家里的|]熊孩子"],
    "kid": ["my [kids'|kid's|children's|child's|son's|daughter's]", "the kids'", "[children's|kids]"],
    "kid2": ["my [kids|kid|children|child|son|daughter]", "the [kids|children]", "[kids|children]"],
    "d": ["电脑", "手机", "本机", "我的电脑", "[这台|]设备", "[我的|]手机", "笔记本", "电视", "打印机", "摄像头", "自己电脑"],
    "dv": ["computer", "phone", "laptop", "pc", "device", "tv", "tablet", "machine", "printer", "mac"],
    "a2": ["", "地"],
    "m": ["[我家|家里|][的|]路由器", "光猫", "路由器", "猫", "路由", "[宽带|]猫"],
    "mo": ["router", "modem", "box", "wifi router", "internet box"],
    "mf": ["MAC[地址|]过滤", "mac[地址|]过滤", "MAC[地址|][黑名单|白名单|绑定|限制]"],
    "v": ["VPN", "vpn", "VPN", "虚拟专用网", "VPN连接", "vpn客户端"],
    "ca": ["摄像头", "监控", "监控摄像头", "网络摄像头", "摄像机", "无线摄像头", "家用摄像头", "[小米|萤石|]摄像头", "[看娃的|看家的]摄像头"],
    "cm": ["camera", "[security|ip|IP|wifi|wireless|network|surveillance|baby|web|indoor|outdoor] camera", "webcam", "[baby monitor|cam|security cam]"],
    "a_": ["a", "the", "my"],
    "ad": ["[管理员|管理|后台|登录|登陆|admin|管理后台|]密码", "管理员[账号|密码]", "[后台|登录]密码"],
    "ap": ["admin password", "[router|admin] [password|login]", "router [admin|login] password", "administrator password", "management password", "admin [login|account]"],
}  # fmt: skip

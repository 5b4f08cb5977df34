"""Questions about running a network and the devices in it: addresses, range, restarts, printers, cameras. Data only."""

from recipes.tiny.corpus.faq import Faq

DEVICES: tuple[Faq, ...] = (
    Faq(
        "find_ip",
        {"zh": "查看设备的IP地址", "en": "find the IP address of a device"},
        {
            "zh": ("Windows按Win+R，输入cmd并回车。", "在窗口输入ipconfig，查看IPv4地址。", "苹果电脑在“系统设置”的“网络”里查看。", "手机点开当前无线网络的详情查看。",
                   "也可登录路由器，在设备列表里查看。"),
            "en": ("On Windows press Win+R, type cmd and press Enter.", "Type ipconfig and read the IPv4 address.", "On a Mac look under System Settings, Network.",
                   "On a phone open the details of the current Wi-Fi.", "Or log in to the router and read the device list."),
        },
        {
            "zh": {"do": ["[查看|查|看|找|找到|获取|查询|知道]{d}{a}[IP|ip|IP地址|ip地址|内网IP|局域网IP|网络地址|IPv4地址]", "[查看|查|看|查询]{a2}[本机|自己|我][的|]IP[地址|]", "[查|看]{d}是什么IP", "[用|通过][命令|命令行|cmd][查|看]IP[地址|]"],
                   "whole": ["{d}的[IP|ip|IP地址|ip地址]是[多少|什么|几]", "[IP|ip]地址{how}[查|看|找]", "{d}[IP|ip][地址|]在哪[里|儿|]看", "[我的|本机]IP是[多少|啥|什么]"]},
            "en": {"do": ["[find|see|look up|check|get|know|discover|show|view] {the} [ip|IP|ip address|IP address|local IP|IPv4 address]", "[find|see|get|look up|check|find out] the [ip|IP] address of {the} {dv}", "[find|see|check] {the} {dv} [ip|IP|ip address|IP address]", "find out [what|which] IP {the} {dv} has", "see which [address|IP] {the} {dv} [uses|got|has]"],
                   "whole": ["[what is|what's|whats] {the} [ip|IP|ip address|IP address]", "[what is|what's] the ip [address|] of {the} {dv}", "[which|what] [IP|ip|address] does {the} {dv} have", "where [is|can I see] {the} [IP|ip] address"],
                   "name": ["[ip|IP] address [lookup|of my computer|of my phone|of a device]", "my [local|own|] IP [address|]", "finding an IP address"]},
        },
    ),
    Faq(
        "change_dns",
        {"zh": "修改DNS服务器", "en": "change the DNS server"},
        {
            "zh": ("登录192.168.1.1，进入“网络设置”。", "找到DNS选项，改为手动。", "首选DNS填223.5.5.5，备用DNS填119.29.29.29。", "保存并重启路由器。", "打开网页，确认可以访问。"),
            "en": ("Log in at 192.168.1.1 and open the network settings.", "Find DNS and set it to manual.", "Enter 1.1.1.1 as first and 8.8.8.8 as second DNS.", "Save and restart the router.",
                   "Open a web page to check that it works."),
        },
        {
            "zh": {"do": ["[修改|更改|改|换|更换|设置|配置|手动设置|切换|自定义]{r}{a}[DNS|dns|DNS服务器|dns服务器|域名服务器|DNS地址]", "[修改|更改|改|换|更换|设置|配置][DNS|dns|DNS服务器|域名服务器|域名解析服务器]", "把[DNS|dns][改成|换成|设为|设置成|改为][114|8.8.8.8|阿里的|223.5.5.5|公共的|别的|谷歌的|手动]", "[用|使用][别的|公共|自定义|阿里的|腾讯的][DNS|dns]", "[给|帮]{r}换[个|]DNS"],
                   "whole": ["[DNS|dns]{how}[改|换|设置|修改|配置]", "[DNS|dns][在哪里|在哪儿|哪里][改|换|设置|修改]", "[DNS|域名]解析[失败|出错|太慢|有问题][，想换DNS|，怎么改DNS|，怎么换服务器|]"]},
            "en": {"do": ["[change|set|edit|configure|modify|switch|update|replace] {the} [dns|DNS|dns server|DNS server|dns servers|DNS settings|name server]", "[change|set|configure] [dns|DNS|the DNS server] on {the} {rt}", "[use|set|enter] [another|a different|google|cloudflare|a custom|a public|8.8.8.8 as|1.1.1.1 as] [dns|DNS|dns server]", "[switch|move] to [google|cloudflare|another|public|a faster] [dns|DNS]", "point {the} {rt} to [another|a different] DNS"],
                   "name": ["[dns|DNS] [settings|change|server|server change|setup]", "[changing|switching] [dns|DNS|the DNS server]", "custom [dns|DNS] [server|]"],
                   "wrong": ["[dns|DNS] [does not respond|lookup fails|is slow|server is not responding]"]},
        },
    ),
    Faq(
        "extend_range",
        {"zh": "扩大无线覆盖范围", "en": "extend the Wi-Fi range"},
        {
            "zh": ("把路由器移到房屋中央的高处。", "竖直天线，避开墙和金属。", "远处的房间改用2.4GHz频段。", "在信号弱的地方加装中继器或Mesh节点。", "新节点放在信号良好的半路上。", "走动测试各房间的信号。"),
            "en": ("Move the router to a high place in the middle of the home.", "Turn the antennas upright, away from walls and metal.", "Use the 2.4 GHz band in far rooms.",
                   "Add a repeater or a mesh node where the signal is weak.", "Put the new node half way, where the signal is good.", "Walk through the rooms and test the signal."),
        },
        {
            "zh": {"do": ["[扩大|扩展|增强|增加|增大|加大|延长|提高]{w}[覆盖|覆盖范围|信号|范围|信号强度|距离]", "让[卧室|阳台|二楼|厕所|院子|地下室|每个房间|远处|隔壁房间|全屋]也有[{w}|信号|网]", "[让|使]{w}[信号|][传|覆盖][得|][更远|远一点|到楼上|到院子|全屋]", "[安装|用|设置|加][中继器|信号放大器|Mesh|扩展器|无线中继|子母路由]", "[改善|增强][卧室|楼上|阳台|远处|角落]的信号", "消除[{w}|信号]死角"],
                   "wrong": ["[卧室|阳台|二楼|厕所|院子|地下室|客房|楼上|隔壁房间|书房|房间里][没有|没|收不到|搜不到|几乎没][信号|{w}|{w}信号]", "[卧室|楼上|二楼|远处|隔壁房间|书房|院子]{a}[{w}|信号|{w}信号][很|太|特别|比较|好]弱", "{w}信号[很|太|特别|不够|好][弱|差]", "[隔|隔了][一堵墙|两堵墙|一个房间][就|]没信号[了|]", "{w}信号[穿不过墙|传不远|覆盖不到|到不了]", "{w}[只有|只剩][一格|两格]信号"]},
            "en": {"do": ["[extend|increase|improve|boost|expand|widen|strengthen] {the} [wifi|wi-fi|wireless|network] [range|coverage|signal|reach|signal strength]", "get [wifi|wi-fi|a signal|better signal|coverage|a good signal] in [the bedroom|the garden|the basement|upstairs|every room|the attic|the garage|the whole house|the back room]", "cover the [whole|entire|big] [house|home|flat|office] with {wf}", "[add|install|set up|use] a [repeater|wifi extender|range extender|mesh|mesh node|booster]", "make {the} {wf} [reach|go] [further|farther|the garden|upstairs|every room]", "get rid of [wifi|] dead [zones|spots]"],
                   "wrong": ["[the signal|wifi|wi-fi|the wifi signal] is [weak|bad|poor|too weak|very weak] [upstairs|in the bedroom|in the garden|in the basement|in my room|far from the router|]", "[there is|I get] no [signal|wifi|wifi signal|coverage] in [the bedroom|the garden|the basement|my room|the attic|the garage|the kitchen]", "{the} {wf} does not [reach|cover] [the bedroom|upstairs|the garden|the garage|my room]", "[I only get|there is only|just] one bar [of signal|of wifi|] in [my room|the bedroom|the kitchen]"],
                   "name": ["[wifi|wi-fi] [range|coverage|extender|repeater|dead zone|range problem]", "weak [wifi|wi-fi|wireless|] signal", "better [coverage|range|signal]"]},
        },
    ),
    Faq(
        "login_page",
        {"zh": "打开路由器管理页面", "en": "open the router login page"},
        {
            "zh": ("先用无线或网线连上路由器。", "查看机身标签上的管理地址。", "在浏览器地址栏输入192.168.1.1并回车。", "打不开就试192.168.0.1。", "输入管理员账号和密码登录。"),
            "en": ("Connect to the router by Wi-Fi or cable.", "Read the management address on the label.", "Type 192.168.1.1 in the address bar and press Enter.",
                   "If nothing opens, try 192.168.0.1.", "Log in with the admin name and password."),
        },
        {
            "zh": {"do": ["[打开|进入|登录|登陆|访问|进|登|找到]{r}{a}[管理|设置|后台|配置|登录|管理员|网页|][页面|界面|后台|网页|系统|控制台]", "[登录|登陆|进入|登]{r}", "[登录|登陆|进入|进][192.168.1.1|192.168.0.1|路由器后台|管理后台|管理页面]", "在[浏览器|手机|电脑][里|上|]打开{r}[设置|后台|管理]", "{r}[后台|管理页面|设置界面]"],
                   "wrong": ["[打不开|进不去|登不上|找不到|无法访问|无法打开]{r}{a}[设置|管理|登录|]页面", "{r}[后台|管理页面|设置页面|登录页面][打不开|进不去|登不上|找不到|空白]", "[192.168.1.1|192.168.0.1][打不开|进不去|无法访问|没反应]"],
                   "whole": ["{r}的[管理|登录|后台|设置|网页]{a}[地址|网址|入口]是[什么|多少|啥|哪个]", "{r}[后台|管理页面|设置页面|登录页面]在哪[里|儿|]", "[管理|登录|后台]地址是[什么|多少|啥]"]},
            "en": {"do": ["[open|reach|access|get to|visit|find|see|enter|go to|bring up] {the} {rt} [login page|admin page|settings page|settings|admin panel|control panel|web interface|management page|config page|dashboard|setup page]", "[log in|login|sign in|log on] to {the} {rt}", "[get|log] [into|in to] {the} {rt} [settings|admin page|]", "[open|access|reach] [192.168.1.1|192.168.0.1|the admin page|the web interface]", "access {the} {rt}"],
                   "whole": ["[what is|what's|which is] the [address|url|web address|ip] of {the} {rt} [login page|admin page|settings|interface|page]", "where [is|do I find] the {rt} [login|settings|admin|setup] page", "[which|what] address do I type to [open|see|reach] the {rt} [settings|page]"],
                   "name": ["{rt} [login|admin|settings|management|login address|admin panel|web interface] [page|]", "[192.168.1.1|192.168.0.1]"],
                   "wrong": ["{the} {rt} [login|admin|settings] page [does not open|won't open|doesn't load|is blank|will not load|is not reachable]", "[192.168.1.1|192.168.0.1|the admin page] [does not open|won't load|doesn't work]", "I [can't|cannot] [find|open|reach|get into] the {rt} [settings|login page|admin page]"]},
        },
    ),
    Faq(
        "red_light",
        {"zh": "处理路由器红灯闪烁", "en": "fix the blinking red light"},
        {
            "zh": ("看清是哪个灯变红：电源、信号还是网络。", "检查所有网线和光纤是否插紧，不要弯折光纤。", "关闭电源30秒后重新打开。", "等待五分钟，看灯是否变绿。", "信号灯一直红，说明线路故障，联系运营商。"),
            "en": ("See which light is red: power, signal or internet.", "Push all cables in firmly and do not bend the fibre.", "Switch the power off for 30 seconds, then on.",
                   "Wait five minutes for the light to turn green.", "If the signal light stays red, the line is faulty: call your provider."),
        },
        {
            "zh": {"wrong": ["{m}[亮红灯|闪红灯|红灯闪烁|红灯一直闪|红灯常亮|灯变红|红灯亮|在闪红灯|红灯闪个不停|灯是红色的|灯红了|冒红光]", "{m}[的|上的|上][LOS|los|信号|网络|指示|电源|光信号|internet]灯[变红|闪红|红了|是红色|一直闪红|亮红|在闪|一直红]", "[有|出现][一个|]红[色|]灯[一直|在|不停|老]闪", "LOS[灯|][闪烁|闪|亮|红]"],
                   "whole": ["{m}[红灯|红色灯|闪红灯|亮红灯|LOS灯][闪|亮|是|]什么意思", "{m}的红灯[代表|表示|说明]什么", "红灯[闪烁|一直闪|亮了]"],
                   "do": ["[处理|解决]{m}[红灯|红灯闪烁|亮红灯][的问题|]"]},
            "en": {"wrong": ["[there is|there's|I see] a [red light|blinking red light|flashing red light|red LED|red lamp] on {the} {mo}", "{the} {mo} [light|LED|lamp] is [red|blinking red|flashing red|red and blinking]", "{the} {mo} [shows|has|flashes|blinks] [a red light|red|a red LED]", "{the} {mo} is [blinking|flashing|glowing|showing] red", "the [LOS|internet|signal|power|wan] light [is red|blinks red|turned red|flashes red|stays red]", "the light [turned|went|became|is] red", "the red light [keeps|won't stop|will not stop] [blinking|flashing]"],
                   "whole": ["[what does|what's] [the|a] [red|blinking red|flashing red] [light|LED] [mean|on the router|on the modem]", "why is [the|my] {mo} [blinking|flashing|] red", "why [is there|do I see] a red light on {the} {mo}"],
                   "name": ["[blinking|flashing|] red light", "[LOS|red LED] [light|blinking]", "red [blinking|flashing] [LED|lamp|light] on [the|my] {mo}"],
                   "do": ["[fix|stop|get rid of|deal with] the [red light|blinking red light|flashing red light|red LED] [on the router|on the modem|]"]},
        },
    ),
    Faq(
        "restart_router",
        {"zh": "重启路由器", "en": "restart the router"},
        {
            "zh": ("保存正在进行的工作，通知家人会断网。", "关闭路由器电源，或拔下插头。", "等待30秒。", "重新接通电源。", "两三分钟后，指示灯稳定即可上网。"),
            "en": ("Save your work and tell others that the net goes down.", "Switch the router off or pull the plug.", "Wait 30 seconds.", "Switch the power on again.",
                   "After two or three minutes the lights are steady and you are online."),
        },
        {
            "zh": {"do": ["[重启|重新启动|重开|重新开|关掉再打开|断电重启|reboot]{r}", "[给|把|让|将]{r}[重启|重新启动|断电重启|关了再开|关机重开][一下|一次|]", "[正确|安全|定期|远程|每天自动][地|]重启{r}", "[重启|重新启动][一下|][光猫和|网络和|]{r}", "{r}[重启|重新启动]", "[关闭|关掉]再[打开|启动]{r}"],
                   "whole": ["{r}{how}重启", "{r}[死机|卡死|卡住|没反应|失灵]了[，|]{how}重启", "重启{r}要[按哪里|拔电源吗|等多久]", "{r}[要|需要|得][多久|]重启一次[，怎么做|]"]},
            "en": {"do": ["[restart|reboot|power cycle|re-start|cycle] {the} {rt}", "[restart|reboot] {the} [modem|modem and router|box]", "turn {the} {rt} off and on [again|]", "switch {the} {rt} off and [back|] on [again|]", "do a [restart|reboot|power cycle] of {the} {rt}", "[properly|safely|correctly|regularly] [restart|reboot] {the} {rt}", "power {the} {rt} down and up"],
                   "name": ["{rt} [restart|reboot|power cycle]", "[restarting|rebooting] {the} {rt}"],
                   "wrong": ["{the} {rt} [froze|hangs|is frozen|is stuck|hung] and [needs a restart|I want to restart it|must be rebooted]"]},
        },
    ),
    Faq(
        "mac_filter",
        {"zh": "设置MAC地址过滤", "en": "set up MAC address filtering"},
        {
            "zh": ("在设备的网络设置里查到它的MAC地址。", "登录192.168.1.1，打开“MAC地址过滤”。", "选择黑名单或白名单。", "添加MAC地址并写上备注。", "保存，确认名单已生效。"),
            "en": ("Look up the MAC address in the device's network settings.", "Log in at 192.168.1.1 and open MAC filtering.", "Choose a block list or an allow list.",
                   "Add the MAC address with a note.", "Save and check that the list works."),
        },
        {
            "zh": {"do": ["[设置|开启|打开|启用|配置|使用|用|添加][{r}的|]{mf}", "[把|将][陌生|某个|蹭网的|不认识的|邻居的]设备[加入|拉进|拉入|放进]黑名单", "[禁止|阻止|不让|屏蔽|踢掉|封掉][陌生|某个|某台|蹭网的|不认识的|邻居的][设备|手机|电脑][连接|连|上|蹭|用][我的|]{w}", "只[让|允许][自己的|指定的|认识的|白名单里的][设备|手机][连|连接|上]{w}", "设置[黑名单|白名单]", "[按|根据|用]MAC[地址|][限制|过滤|屏蔽|拦截]设备", "[拉黑|踢掉][蹭网的人|蹭网的|一个设备]"],
                   "whole": ["{mf}{how}[设置|开启|用|弄]", "[黑名单|白名单]{how}[设置|设|加|弄]"]},
            "en": {"do": ["[set up|enable|turn on|use|configure|add|activate] [mac|MAC] [filtering|filter|address filtering|address filter|filters] [on my router|]", "[block|ban|kick|kick out|blacklist|keep out] [a device|a strange device|an unknown device|one phone|a certain device|some device] [from|off|on] {the} {wf}", "[block|filter|allow|restrict] [a device|devices] by [mac|MAC] [address|]", "[only allow|allow only|admit only] [known|my|certain|trusted|listed] devices [on|to join] {the} {wf}", "[add|put] a device [to|on] the [blacklist|block list|whitelist|allow list]", "[blacklist|whitelist] [a phone|a device|a laptop]", "[filter|control] which devices may join by [mac|MAC|hardware address]"],
                   "name": ["[mac|MAC] [filter|filtering|address filter|address filtering|filter setup]", "[router|wifi] [blacklist|whitelist|allow list|block list]"]},
        },
    ),
    Faq(
        "vpn",
        {"zh": "在路由器上设置VPN", "en": "set up a VPN on the router"},
        {
            "zh": ("向公司或服务商索取服务器地址、账号和密码。", "登录192.168.1.1，打开“VPN”页面。", "选择协议，例如L2TP或WireGuard。", "填写服务器地址、账号和密码。", "保存并连接，查看状态是否为已连接。"),
            "en": ("Get the server address, name and password from your company or provider.", "Log in at 192.168.1.1 and open the VPN page.", "Choose the protocol, for example L2TP or WireGuard.",
                   "Enter server address, name and password.", "Save, connect and check that the state is connected."),
        },
        {
            "zh": {"do": ["[设置|配置|连接|开启|使用|建立|弄|添加|搭建|装|连上]{v}", "在{r}[上|里][设置|配置|连|开启|使用|装|弄]{v}", "[连|连接|访问|接入]公司[的|][内网|VPN|虚拟专网|专网]", "[让|给]{r}[连|配|设置|装][公司的|]{v}", "[配置|设置]L2TP", "[配置|设置]WireGuard", "在家[连|访问][公司|单位]内网"],
                   "whole": ["{v}{how}[设置|配置|连|连接|弄]", "{v}[连不上|断开|连接失败][了|]{how}[设置|配置|办]"]},
            "en": {"do": ["[set up|configure|use|install|enable|connect|add|create|run|start] [a|the|my|my company's] [vpn|VPN|vpn client|VPN connection] [on the router|on my router|]", "[connect|get|link] [to|into] the [company|office|work] network [from home|through a vpn|by vpn]", "[connect|link] {the} {rt} to a [vpn|VPN] [server|]", "configure [L2TP|WireGuard|OpenVPN|IPsec]", "[work|dial in] from home [over|through|with] a [vpn|VPN]", "make {the} {rt} use a [vpn|VPN]"],
                   "name": ["[vpn|VPN] [setup|settings|configuration|connection|on the router|client]", "[wireguard|l2tp|openvpn] setup"],
                   "wrong": ["[my|the|our] [vpn|VPN] [does not connect|won't connect|is not connected|fails to connect]"]},
        },
    ),
    Faq(
        "printer",
        {"zh": "连接无线打印机", "en": "connect a wireless printer"},
        {
            "zh": ("打开打印机的无线功能。", "在打印机屏幕选择家里的无线网络并输入密码。", "电脑连接同一个无线网络。", "在电脑“打印机和扫描仪”里点添加设备。", "打印测试页。"),
            "en": ("Switch the wireless of the printer on.", "On its screen choose your Wi-Fi and enter the password.", "Connect the computer to the same Wi-Fi.",
                   "Add the device under printers and scanners.", "Print a test page."),
        },
        {
            "zh": {"do": ["[连接|连|添加|安装|设置|装|接|配置][无线|网络|WiFi|wifi|共享|新|惠普|佳能|爱普生|][打印机|打印机]", "[把|让|将][打印机|无线打印机][连|连接|接|接入|加][到|上|进|入|][{w}|路由器|网络|电脑]", "[用|通过]{w}[打印|打印文件|打印文档]", "[电脑|手机|笔记本][连|连接|添加|共享]打印机", "让[电脑|手机|大家|全家|几台电脑][都|][能|可以][用|共用|使用][打印机|这台打印机]", "打印机[联网|连网|连WiFi|连无线|入网]"],
                   "wrong": ["打印机[连不上|连接不上|找不到|搜不到|没连上][{w}|网络|电脑|无线]", "[电脑|手机|笔记本][找不到|搜不到|连不上|看不到|识别不了]打印机", "打印机[脱机|离线|显示离线|没反应|打不出来]"],
                   "whole": ["打印机{how}[连|连接|联|接][{w}|网|网络|电脑]"]},
            "en": {"do": ["[connect|add|set up|install|hook up|link|attach|configure] [a|my|the|our] [wireless|wifi|network|new|hp|canon|epson|] printer", "[connect|add|join|link|hook up] [my|the|our] printer to [the wifi|wifi|the network|the router|my laptop|the computer]", "[get|bring|put] [my|the|our] printer [online|on the wifi|on the network|to work over wifi]", "print [wirelessly|over wifi|from my phone|from my laptop|via wifi|through the network]", "share [a|my|the|our|one] printer [at home|on the network|with everyone|]"],
                   "name": ["[wireless|wifi|network] printer [setup|connection|]", "printer [setup|on wifi|connection|installation]"],
                   "wrong": ["[my|the|our] printer [is offline|does not connect|won't connect|is not found|does not show up|can't find the wifi|doesn't print]", "[my|the] [computer|laptop|phone] [can't|cannot|does not] [find|see|detect] [my|the] printer"]},
        },
    ),
    Faq(
        "camera",
        {"zh": "连接网络摄像头", "en": "connect a network camera"},
        {
            "zh": ("给摄像头通电，等待提示音。", "在手机上安装摄像头的应用并登录。", "手机连接2.4GHz无线网络。", "在应用里点添加设备，用镜头扫描二维码。", "提示成功后，修改摄像头默认密码。"),
            "en": ("Power the camera and wait for its sound.", "Install the camera's app on the phone and sign in.", "Connect the phone to the 2.4 GHz Wi-Fi.",
                   "Tap add device and let the camera scan the code.", "Once it is added, change the camera's default password."),
        },
        {
            "zh": {"do": ["[连接|连|添加|安装|设置|装|接|配置][一个|]{ca}", "[把|让|将|给]{ca}[连|连接|接|接入|加][到|上|进|入|][{w}|路由器|网络|手机]", "[用|在]手机[上|][看|查看|连|添加]{ca}", "{ca}[联网|连网|连WiFi|配网|连手机|入网]"],
                   "wrong": ["{ca}[连不上|连接不上|连接失败|无法连接|没连上][{w}|网络|手机|路由器|]", "{ca}[离线|脱机|掉线|显示离线|没画面|不在线]", "手机[看不到|搜不到|找不到]{ca}"],
                   "whole": ["{ca}{how}[连|连接|联|装|设置|安装][{w}|网|网络|手机|]"]},
            "en": {"do": ["[connect|add|set up|install|hook up|link|pair|configure|mount] [a|my|the|our] {cm}", "[connect|add|join|link|pair] [my|the|our] {cm} to [the wifi|wifi|the network|the router|my phone|the app]", "[get|bring|put] [my|the|our] {cm} [online|on the wifi|on the network]", "[watch|see|view] my {cm} on [my|the] phone"],
                   "name": ["{cm} [setup|connection|on wifi|installation|]", "[setting up|connecting|installing] {a_} {cm}"],
                   "wrong": ["[my|the|our] {cm} [is offline|does not connect|won't connect|is not found|shows no picture|can't join the wifi|keeps going offline|won't pair]"]},
        },
    ),
    Faq(
        "speed_test",
        {"zh": "测试网络带宽", "en": "test the bandwidth"},
        {
            "zh": ("用网线把电脑直接接到路由器。", "停掉其他设备的下载。", "打开测速网站，点击开始。", "记录下载、上传速度和延迟。", "不同时间测三次，与合同带宽比较。"),
            "en": ("Connect a computer to the router by cable.", "Stop downloads on other devices.", "Open a speed test site and press start.", "Note download, upload and delay.",
                   "Test three times a day and compare with your contract."),
        },
        {
            "zh": {"do": ["[测试|测|检测|测量|测一下|检查|查|测一测][家里|我家|宽带|网络|我的|][的|][网速|带宽|宽带速度|网络速度|宽带|上行速度|下载速度|实际速度]", "[测速|做网速测试|做测速|跑一下测速|做一次带宽测试]", "知道[我家|家里|现在|][的|][网速|带宽|宽带][是|到底|实际|]有[多快|多少|多少兆]", "[确认|验证|看看][宽带|带宽|网速][达标|够不够|有没有缩水|是不是签约的速度]"],
                   "whole": ["[网速|带宽|宽带]{how}[测|测试|检测|查]", "[我家|家里|现在]网速[有|是]多[快|少]", "[办的|装的|签的]是[100|300|500|千]兆[宽带|]，[怎么测|想测一下|怎么知道够不够]", "[在哪|哪里|用什么][可以|能|][测速|测网速]"]},
            "en": {"do": ["[test|measure|check|run a test of|find out|determine] {the} [bandwidth|internet speed|connection speed|download speed|upload speed|real speed|line speed|speed]", "[run|do|make|take|perform] a [speed|bandwidth|speedtest|internet speed] [test|check]", "[measure|see|check|know] how fast {the} [internet|connection|line|wifi] [really is|is]", "[check|verify|see] [if|whether] I get the [speed|bandwidth] I pay for"],
                   "whole": ["how fast is {the} [internet|connection|line|network]", "[what is|what's] {the} [internet|download|real|] [speed|bandwidth]", "where can I [test|measure|check] [my|the] [speed|bandwidth|internet speed]"],
                   "name": ["[speed|bandwidth|internet speed] test", "[testing|measuring] [bandwidth|internet speed|my connection]", "[speedtest|bandwidth check|speed measurement]"]},
        },
    ),
    Faq(
        "forgot_admin_password",
        {"zh": "处理忘记管理员密码", "en": "recover from a forgotten admin password"},
        {
            "zh": ("查看机身标签上的默认账号和密码。", "试用常见组合，例如admin和admin。", "查找以前保存的密码或浏览器记录。", "都不行就按住复位键10秒恢复出厂。", "重新登录，设置新密码和上网账号。"),
            "en": ("Look at the label for the default name and password.", "Try common pairs such as admin and admin.", "Search your notes and the passwords saved in the browser.",
                   "If nothing works, hold reset for 10 seconds to restore the factory state.", "Log in again and set password and connection anew."),
        },
        {
            "zh": {"wrong": ["[忘记|忘了|记不得|想不起来|记不起|忘掉|丢了|不记得|忘记了][{r}{a}|]{ad}", "{r}{a}{ad}[忘了|忘记了|记不得了|想不起来了|丢了|不记得了|找不到了|给忘了|忘掉了]", "[管理员|后台|管理|admin][账号|密码|账户][忘了|忘记了|记不得|想不起来|不记得|丢了|找不回来]", "[登录|登陆|进]{r}[后台|时|的时候|][发现|][密码不对|忘了密码|密码忘了|密码错误|提示密码错误]", "[不知道|不记得]{r}的[管理员|后台|登录|管理]密码[是什么|]"],
                   "do": ["[找回|取回|查找|找到|恢复]{r}{a}[管理员|后台|登录|管理|][密码|账号]", "[找回|取回|查找|找到][忘记的|丢失的|][管理员|后台|登录|管理]密码"],
                   "whole": ["[管理员|后台|管理]密码[忘|忘记|丢]了[怎么登录|怎么进后台|怎么找回|]", "{r}的[默认|初始][管理|登录|]密码是[多少|什么]"]},
            "en": {"wrong": ["I [forgot|forget|lost|can't remember|cannot remember|don't remember|have forgotten|misplaced] {the} {ap}", "I [forgot|lost|can't remember|don't remember|don't know] the [password|login|admin password] [of|for|to] {the} {rt}", "{the} {ap} is [lost|forgotten|gone|unknown]", "{the} {rt} says the [admin|] password is wrong", "[nobody|no one] [remembers|knows] the {ap}", "[we|I] [no longer|don't] know the {ap}", "I am locked out of {the} {rt}"],
                   "do": ["[recover|find|get back|retrieve|look up] {the} [forgotten|lost|] {ap}", "[log in|get in] [when|if|after] I [forgot|lost] the {ap}", "get into {the} {rt} without the password"],
                   "name": ["[forgotten|forgot|lost] {ap}", "[forgot|forgotten|lost] {rt} [login|admin] password", "{ap} recovery"],
                   "whole": ["[what is|what's] the default {ap}"]},
        },
    ),
    Faq(
        "wifi_drops",
        {"zh": "解决无线频繁掉线", "en": "stop Wi-Fi from dropping"},
        {
            "zh": ("看掉线的是一台设备还是所有设备。", "更换无线信道，例如1、6或11。", "升级路由器固件。", "摸一下路由器是否过热，保持通风。", "更换松动的网线和电源。", "仍然掉线就联系运营商。"),
            "en": ("See if one device drops or all of them.", "Choose another wireless channel, for example 1, 6 or 11.", "Update the router firmware.",
                   "Feel if the router is hot and let it have air.", "Replace loose cables and the power supply.", "If it still drops, call your provider."),
        },
        {
            "zh": {"wrong": ["{w}[老是|总是|经常|频繁|时不时|一直|隔几分钟就|动不动就|三天两头][掉线|断线|断开|断|断网|掉|自动断开]", "[手机|电脑|笔记本|电视][老是|总是|经常|频繁|时不时][从{w}|和路由器|][断开|掉线|断连|断线]", "{w}[连接|][不稳定|时断时续|断断续续|一会有一会没有|时好时坏|连上又断]", "[网络|网|网络连接][老是|总|频繁|经常|时不时][断|掉|掉线|断开|中断]", "[打游戏|开会|看视频|上课][老是|总是|时不时|经常][掉线|断网|断开]", "{w}[用着用着|用一会|几分钟][就|][断了|掉线|断开]"],
                   "do": ["[解决|处理|避免]{w}[频繁|经常|老是|总|][掉线|断线|断开|不稳定]"]},
            "en": {"wrong": ["{the} {wf} [keeps|keeps on] [dropping|disconnecting|cutting out|going off|dropping out|losing connection|breaking]", "{the} {wf} [drops|disconnects|cuts out|goes off|breaks off] [all the time|every few minutes|constantly|often|every hour|again and again|randomly]", "{the} [connection|wifi|internet|network] is [unstable|not stable|unreliable|on and off|intermittent]", "[my|the] [phone|laptop|tv|pc|computer] [keeps losing|loses|drops off|falls off] {the} {wf} [all the time|every few minutes|often|]", "[I|we] [get|keep getting] [disconnected|kicked off|thrown off] [from the wifi|all the time|]", "{the} {wf} comes and goes"],
                   "do": ["[stop|prevent|fix] {the} {wf} [from|] [dropping|disconnecting|cutting out]", "[stop|fix|avoid] [wifi|wi-fi|constant] [drops|disconnections|dropouts|disconnects]", "get a stable [wifi|connection]"],
                   "name": ["[wifi|wi-fi] [drops|dropping|disconnects|disconnections|dropouts]", "[unstable|intermittent] [wifi|connection|network]"]},
        },
    ),
    Faq(
        "connected_devices",
        {"zh": "查看谁在使用无线网", "en": "see who is on the Wi-Fi"},
        {
            "zh": ("登录192.168.1.1，打开“设备管理”。", "核对在线设备的名称和MAC地址。", "逐一关闭自己的设备，找出陌生设备。", "把陌生设备断开。", "修改无线密码，防止再次连接。"),
            "en": ("Log in at 192.168.1.1 and open the device list.", "Compare names and MAC addresses of the devices.", "Switch your own devices off one by one to find the stranger.",
                   "Disconnect the strange device.", "Change the Wi-Fi password to keep it out."),
        },
        {
            "zh": {"do": ["[查看|查|看|知道|检查|看看|查出][有|]谁[在|连了|连着|正在][用|蹭|偷用|使用|连|连接|][我的|我家|家里的|]{w}", "[查看|查|看|知道|检查|统计][有|][多少|几个|几台|哪些][设备|人|手机|台设备][连着|连了|在用|连接|连上了|接入]{w}", "[查看|查|列出|看][已连接|在线|连接|接入|联网]的[设备|终端][列表|数量|]", "[发现|检查|判断|看看][是否|有没有|是不是][有人|被人|邻居|被]蹭[网|我的网]", "[查|抓][蹭网的|蹭网的人|是谁在蹭网]"],
                   "wrong": ["[好像|怀疑|感觉|估计][有人|邻居|隔壁|别人][在|]蹭[网|我的网|我家网|我家的wifi]", "[有人|邻居]蹭[网|我的网|我家wifi]", "{w}[好像|]被[人|邻居|别人]蹭[了|]"],
                   "whole": ["谁在[用|蹭|连]我[家|]的{w}", "{w}[连了|连着|上有][几台|多少|哪些]设备", "[路由器|{w}]上[现在|]有[几个|多少|哪些][设备|人]"]},
            "en": {"do": ["[see|check|find out|know|look up|tell] who is [on|using|connected to|stealing] {the} {wf}", "[see|check|list|view|find|show|count] [all|] [the|] [connected devices|devices on my wifi|devices connected to the router|clients on my network|devices on the network]", "[see|check|know|find out] [how many|which|what] [devices|people|phones|computers] [are on|are connected to|use|are using] {the} {wf}", "[catch|find|detect|spot] [a wifi thief|someone stealing my wifi|freeloaders|an intruder on my wifi|strangers on the wifi]", "[check|see] [if|whether] [someone|my neighbour|anybody|a stranger] [is using|uses|steals|is stealing] {the} {wf}"],
                   "wrong": ["[someone|somebody|my neighbour|a stranger] [is using|is stealing|uses|steals|might be on] my [wifi|wi-fi|internet]", "I think [someone|my neighbour] [steals|is on|uses] my wifi"],
                   "whole": ["who is [on|using|stealing|connected to] {the} {wf}", "[which|how many|what] [devices|phones] [are connected|are online|are on my wifi]", "is [someone|anybody|my neighbour] [using|stealing] my wifi"],
                   "name": ["[connected|online] devices [list|]", "[wifi|wi-fi] [thief|freeloaders|users]", "list of devices on [my|the] [wifi|network]"]},
        },
    ),
    Faq(
        "setup_router",
        {"zh": "安装新路由器", "en": "set up a new router"},
        {
            "zh": ("用网线连接光猫和路由器的WAN口。", "接通电源，等待指示灯稳定。", "手机连接机身标签上的无线网络。", "在浏览器打开192.168.1.1，按向导选择上网方式。", "填写宽带账号，设置无线名称和密码。", "保存后测试上网。"),
            "en": ("Connect the modem to the WAN port of the router by cable.", "Switch the power on and wait for steady lights.", "Connect a phone to the Wi-Fi named on the label.",
                   "Open 192.168.1.1 in a browser and follow the guide.", "Enter the line's account, then set Wi-Fi name and password.", "Save and test the connection."),
        },
        {
            "zh": {"do": ["[安装|装|架设|接|调试|装好|设置|配置]新[买的|的|]路由器", "[安装|装|接好|架设]{r}", "[连接|接][光猫和路由器|路由器和光猫]", "[第一次|首次|初次|从零开始]{a2}[设置|配置|安装|使用]{r}", "[把|将][新|]路由器[接|接到|连到|接上|装到][光猫|宽带|光猫上]", "[更换|换][新|一个新|一台新]路由器", "[新路由器|新买的路由器]的[初始|首次][设置|配置]"],
                   "whole": ["[新|新买的|刚买的|刚买了个|买了台新|新到的]路由器[，|]{how}[装|安装|设置|用|接|弄|配置]", "[刚|新]买了[个|台][新|]路由器", "路由器的线{how}[接|插]", "路由器{how}[安装|装|接光猫]"]},
            "en": {"do": ["[set up|install|configure|connect|hook up|put into service] [a|my|the|our] [new|brand new|brand-new] {rt}", "set up [a|my|the] {rt} [for the first time|from scratch|out of the box]", "[install|hook up|wire up] [a|my|the] {rt}", "[connect|plug|wire] [a|the|my] [new|] {rt} to the [modem|fibre box|line]", "[replace|swap] [my|the|our] old {rt} [with a new one|]", "do the [first|initial] [setup|configuration] of [a|my|the] {rt}", "get [a|my] new {rt} [running|going|working|started]"],
                   "name": ["new {rt} [setup|installation|]", "[first time|initial] {rt} [setup|configuration|installation]", "[installing|setting up] a [new|] {rt}"],
                   "wrong": ["I [just|] [bought|got|unpacked|received] a new {rt}"]},
        },
    ),
)  # fmt: skip

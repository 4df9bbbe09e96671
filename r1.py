from real import *
G=(ge.Row("1"),ge.Row("2","Helical","S19.250-I658.250","17.95","1299.58","Body 32"),ge.Row("3","Axial","S0.000-I0.000","3.11","12.40","Body 32"))
run('GE plain',gepage(G,"1311.98"))
run('GE Effective above CTDIvol',gepage(G,"1311.98",edit=lambda c:c.write(H,"Eff.",304,115,at="middle")))
def dim(c):
    y=128+36+17*2
    m=c.pixels[y-3:y+15]; m[m>0]=65
run('GE dim row, no total',gepage(G,None,edit=dim))
lines=(ss.POSITION,Row("Topogram","1","120",ti="8.5",csl="0.6"),Row("ThorRoutine","2","120","110","120","12.32",dlp="418",ti="0.5",csl="1.2"),Row("PreMonitoring","4","120","20",ctdivol="2.08",dlp="2",ti="0.5",csl="5.0"),Row("Abdomen","6","100","187","195","9.76",dlp="352",ti="0.5",csl="1.2"))
F=Form(("Total mAs 5990","Total DLP 772 mGycm"))
run('SI plain',sipage(lines,F))
def dim2(c):
    y=157+13*3
    m=c.pixels[y-2:y+11]; m[m>0]=65
run('SI dim row of DLP 2, total',sipage(lines,F,edit=dim2))
run('SI ref. above CTDIvol',sipage(lines,F,edit=lambda c:c.write(SH,"Eff.",328,116,at="right")))
run('SI eff. left of CTDIvol',sipage(lines,F,edit=lambda c:(c.pixels.__setitem__((slice(120,150),slice(252,274)),0),c.write(SH,"eff.",280,128,at="right"))))
